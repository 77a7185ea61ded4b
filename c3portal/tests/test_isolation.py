"""What one test leaves behind must not decide how the next one ends."""

import pytest
from django.contrib.auth.models import Group

from c3portal.models import roles


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_the_roles_are_there_after_a_test_that_commits(turn: int) -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ALL)
