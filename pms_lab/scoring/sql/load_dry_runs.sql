-- All dry runs of a location as one table, on which the scoring questions are asked. Names become enumerations: grouping by
-- them is then as cheap as grouping by small numbers, some five times cheaper than by text.
CREATE TYPE location_name AS ENUM (SELECT DISTINCT location FROM stored_dry_runs ORDER BY location);
CREATE TYPE product_name AS ENUM (SELECT DISTINCT product FROM stored_dry_runs ORDER BY product);
CREATE TYPE agent_name AS ENUM (SELECT DISTINCT agent FROM stored_dry_runs ORDER BY agent);
CREATE TABLE dry_runs AS
SELECT
    * REPLACE (location::location_name AS location, product::product_name AS product, agent::agent_name AS agent),
    rate - manual AS difference
FROM stored_dry_runs;
