"""Structures of homologues, placed on the tokens of the complex by Boltz."""

from typing import Any

from boltz.data.feature.featurizerv2 import load_dummy_templates_features, process_template_features

from foldcp.features.compact import Templates


def template_features(tokenized: Any) -> Templates:
    """Return the templates of a Boltz `Tokenized`; without any, one of zeros."""
    n_tokens = len(tokenized.tokens)
    if tokenized.templates:
        dense = process_template_features(tokenized, n_tokens)
    else:
        dense = load_dummy_templates_features(1, n_tokens)
    return Templates(
        res_type=dense["template_restype"].argmax(-1),
        frame_rot=dense["template_frame_rot"],
        frame_t=dense["template_frame_t"],
        cb=dense["template_cb"],
        ca=dense["template_ca"],
        mask_cb=dense["template_mask_cb"],
        mask_frame=dense["template_mask_frame"],
        mask=dense["template_mask"],
        visibility=dense["visibility_ids"],
    )
