-- Which files hold the evidence of each run date of a location, and in which currencies is it?
SELECT
    run_date,
    list_sort(list(DISTINCT file)) AS files,
    list(DISTINCT currency) AS currencies,
    bool_or(is_recommended) AS is_recommended
FROM (
    SELECT run_date, currency, came_in.file AS file, true AS is_recommended FROM recommendations WHERE location = $location
    UNION ALL
    SELECT run_date, currency, came_in.file AS file, false AS is_recommended FROM rates WHERE location = $location
)
GROUP BY run_date
ORDER BY run_date
