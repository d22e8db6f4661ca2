SET VARIABLE first_names = [
    'Aaliyah', 'Amir', 'Ana', 'Andre', 'Beatriz', 'Ben', 'Camila', 'Carlos', 'Chloe', 'Daniel', 'Deja', 'Diego',
    'Elena', 'Emma', 'Ethan', 'Fatima', 'Grace', 'Hannah', 'Hiro', 'Isaac', 'Ivy', 'Jamal', 'José', 'Julia', 'Kenji',
    'Layla', 'Liam', 'Lucia', 'Maria', 'Mateo', 'Mei', 'Nadia', 'Noah', 'Olivia', 'Omar', 'Priya', 'Quinn', 'René',
    'Sana', 'Sofia', 'Tariq', 'Theo', 'Uma', 'Victor', 'Wei', 'Ximena', 'Yusuf', 'Zoë'];
SET VARIABLE last_names = [
    'Adams', 'Ahmed', 'Alvarez', 'Baker', 'Bianchi', 'Brown', 'Chen', 'Clark', 'Cohen', 'Davis', 'Diaz', 'Evans',
    'Fischer', 'Garcia', 'Gupta', 'Hall', 'Harris', 'Hughes', 'Ito', 'Jackson', 'Jensen', 'Johnson', 'Jones', 'Khan',
    'Kim', 'Kowalski', 'Lee', 'Lopez', 'Martin', 'Miller', 'Morales', 'Müller', 'Nguyen', 'Núñez', 'O''Brien',
    'O''Neil', 'Okafor', 'Park', 'Patel', 'Reyes', 'Rossi', 'Santos', 'Schmidt', 'Silva', 'Singh', 'Smith', 'Taylor',
    'Thompson', 'Walker', 'Washington', 'White', 'Williams', 'Wilson', 'Wong', 'Wright', 'Young'];
SET VARIABLE email_domains = ['example.com', 'example.org', 'example.net', 'mail.example.com', 'post.example.org'];
SET VARIABLE street_names = [
    'Maple', 'Oak', 'Cedar', 'Pine', 'Elm', 'Washington', 'Lake', 'Hill', 'Walnut', 'Spring', 'North', 'Ridge',
    'Church', 'Willow', 'Mill', 'River', 'Sunset', 'Railroad', 'Jackson', 'Cherry', 'Martin Luther King', 'Highland'];
SET VARIABLE street_kinds = ['Street', 'Avenue', 'Road', 'Lane', 'Drive', 'Boulevard', 'Court', 'Way'];
-- Nine places or more in each of the four census regions: Northeast, Midwest, South, West.
SET VARIABLE places = [
    {'city': 'Boston', 'state': 'MA', 'zip3': '021'}, {'city': 'Worcester', 'state': 'MA', 'zip3': '016'},
    {'city': 'Providence', 'state': 'RI', 'zip3': '029'}, {'city': 'Hartford', 'state': 'CT', 'zip3': '061'},
    {'city': 'New York', 'state': 'NY', 'zip3': '100'}, {'city': 'Buffalo', 'state': 'NY', 'zip3': '142'},
    {'city': 'Newark', 'state': 'NJ', 'zip3': '071'}, {'city': 'Philadelphia', 'state': 'PA', 'zip3': '191'},
    {'city': 'Pittsburgh', 'state': 'PA', 'zip3': '152'}, {'city': 'Burlington', 'state': 'VT', 'zip3': '054'},
    {'city': 'Chicago', 'state': 'IL', 'zip3': '606'}, {'city': 'Detroit', 'state': 'MI', 'zip3': '482'},
    {'city': 'Columbus', 'state': 'OH', 'zip3': '432'}, {'city': 'Cleveland', 'state': 'OH', 'zip3': '441'},
    {'city': 'Indianapolis', 'state': 'IN', 'zip3': '462'}, {'city': 'Milwaukee', 'state': 'WI', 'zip3': '532'},
    {'city': 'Minneapolis', 'state': 'MN', 'zip3': '554'}, {'city': 'Kansas City', 'state': 'MO', 'zip3': '641'},
    {'city': 'Omaha', 'state': 'NE', 'zip3': '681'}, {'city': 'Des Moines', 'state': 'IA', 'zip3': '503'},
    {'city': 'Houston', 'state': 'TX', 'zip3': '770'}, {'city': 'Dallas', 'state': 'TX', 'zip3': '752'},
    {'city': 'San Antonio', 'state': 'TX', 'zip3': '782'}, {'city': 'Miami', 'state': 'FL', 'zip3': '331'},
    {'city': 'Tampa', 'state': 'FL', 'zip3': '336'}, {'city': 'Atlanta', 'state': 'GA', 'zip3': '303'},
    {'city': 'Charlotte', 'state': 'NC', 'zip3': '282'}, {'city': 'Nashville', 'state': 'TN', 'zip3': '372'},
    {'city': 'New Orleans', 'state': 'LA', 'zip3': '701'}, {'city': 'Richmond', 'state': 'VA', 'zip3': '232'},
    {'city': 'Washington', 'state': 'DC', 'zip3': '200'},
    {'city': 'Los Angeles', 'state': 'CA', 'zip3': '900'}, {'city': 'San Diego', 'state': 'CA', 'zip3': '921'},
    {'city': 'San Francisco', 'state': 'CA', 'zip3': '941'}, {'city': 'Seattle', 'state': 'WA', 'zip3': '981'},
    {'city': 'Portland', 'state': 'OR', 'zip3': '972'}, {'city': 'Phoenix', 'state': 'AZ', 'zip3': '850'},
    {'city': 'Denver', 'state': 'CO', 'zip3': '802'}, {'city': 'Las Vegas', 'state': 'NV', 'zip3': '891'},
    {'city': 'Salt Lake City', 'state': 'UT', 'zip3': '841'}, {'city': 'Honolulu', 'state': 'HI', 'zip3': '968'}];
SET VARIABLE categories = [
    'Audio', 'Baby', 'Bath', 'Beauty', 'Bedding', 'Books', 'Cameras', 'Computers', 'Cycling', 'Furniture', 'Garden',
    'Grocery', 'Kitchen', 'Lighting', 'Luggage', 'Office', 'Pets', 'Shoes', 'Tools', 'Toys'];
SET VARIABLE product_looks = [
    'Amber', 'Bold', 'Classic', 'Coastal', 'Copper', 'Deluxe', 'Everyday', 'Golden', 'Indigo', 'Modern', 'Nordic',
    'Prime', 'Rustic', 'Silver', 'Slim', 'Urban'];
SET VARIABLE product_makes = [
    'Acorn', 'Beacon', 'Cobalt', 'Drift', 'Ember', 'Fern', 'Grove', 'Harbor', 'Juniper', 'Lumen', 'Meadow', 'Orbit',
    'Pebble', 'Quill', 'Summit', 'Willow'];
