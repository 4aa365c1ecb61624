-- From which evidence was each stored dry run made?
SELECT run_date, any_value(evidence)
FROM read_parquet($files, hive_partitioning = true, hive_types = {'run_date': DATE})
GROUP BY run_date
