-- What every question measures of a group of recommendations:
--   recommended  cells with a recommended rate
--   scored       those with a recommended and an independent manual rate: only these can agree or disagree
--   coverage     scored / recommended; a missing manual rate is missing, not disagreement
--   exact        share of scored that agree to the cent
--   within       share of scored that agree within the tolerance (units of currency, or percent of the manual rate)
--   error        mean absolute difference
--   bias         mean signed difference; above zero the recommendation is dearer than the manual rate
--   confidence   mean confidence; of decimals, since a sum of binary floats depends on the order in which threads add
CREATE MACRO is_within(difference, manual, tolerance, is_percent) AS
    CASE WHEN is_percent THEN abs(difference) * 100 <= abs(manual) * tolerance ELSE abs(difference) <= tolerance END;

CREATE MACRO measures(rate, manual, difference, confidence, tolerance, is_percent) AS struct_pack(
    recommended := count(rate),
    scored := count(difference),
    coverage := count(difference) / nullif(count(rate), 0),
    exact := avg((difference = 0)::INT),
    within := avg(is_within(difference, manual, tolerance, is_percent)::INT),
    error := (sum(abs(difference)) / nullif(count(difference), 0))::DECIMAL(14, 4),
    bias := (sum(difference) / nullif(count(difference), 0))::DECIMAL(14, 4),
    confidence := round(avg(confidence), 6)
);
