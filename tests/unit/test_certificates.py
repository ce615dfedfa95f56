import json

import pytest

from certificates import CAMPAIGNS, CERTIFICATES, code_sha256


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_certificate_is_as_new_as_the_code(campaign):
    file = CERTIFICATES / f"{campaign}.json"
    assert file.exists(), f"no certificate for {campaign}: run make certify"
    certificate = json.loads(file.read_text())
    assert certificate["scale"] >= 1
    assert certificate["tests_passed"] > 0
    assert certificate["code_sha256"] == code_sha256(campaign), (
        f"{', '.join(CAMPAIGNS[campaign])} changed after {file.name} was written: run make certify"
    )
