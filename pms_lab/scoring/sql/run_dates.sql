-- On which days did agents recommend anything for a location?
SELECT DISTINCT run_date FROM recommendations WHERE location = $location ORDER BY run_date
