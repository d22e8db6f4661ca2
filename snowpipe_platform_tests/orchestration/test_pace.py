"""How often the sensors look."""

import pytest

from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.pace import Pace


@pytest.mark.parametrize(
    ("automation_seconds", "expected"),
    [
        (
            30,
            {
                "default_automation_condition_sensor": 30,
                "sweep": 3600,
                "continuation": 60,
                "deadlines": 300,
                "arrivals": 30,
            },
        ),
        (
            1,
            {"default_automation_condition_sensor": 1, "sweep": 120, "continuation": 2, "deadlines": 10, "arrivals": 1},
        ),
    ],
)
def test_sensors_keep_their_proportion_to_the_automation(make_shop, automation_seconds, expected):
    shop = make_shop("due: 6h")
    paced = build_definitions(shop.pipeline, shop.resource, Pace(automation_seconds))
    assert {sensor.name: sensor.minimum_interval_seconds for sensor in paced.sensors} == expected


def test_no_sensor_looks_more_often_than_every_second():
    assert Pace(1).seconds(1) == 1
