from foldcp.campaign.learning import peak_correction


def done(ratio, outcome="done"):
    return {"outcome": outcome, "peak_bytes": int(1000 * ratio), "predicted_peak_bytes": 1000}


def test_peaks_above_the_plans_raise_it_but_for_the_odd_one():
    assert peak_correction([done(1.2)] * 30 + [done(9.0)]) == 1.2


def test_peaks_below_the_plans_do_not_lower_it():
    assert peak_correction([done(0.5)] * 30) == 1.0


def test_a_few_predictions_and_failed_ones_teach_nothing():
    assert peak_correction([done(3.0)] * 4) == 1.0
    assert peak_correction([done(3.0, "oom")] * 30 + [{"outcome": "done", "peak_bytes": None}]) == 1.0
