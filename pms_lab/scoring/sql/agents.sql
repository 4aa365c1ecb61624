-- Which agents ever recommended anything for a location?
SELECT DISTINCT agent FROM recommendations WHERE location = $location
