"""
Names of users are unique regardless of case and Unicode form.

Who bears a name that is another's, or the system's, gets a new one when nobody logs in by it: users of the identity
provider and deactivated ones. That leaves an audit entry. Where two people log in by such names, nothing is changed
and the migration says who has to decide.
"""

from django.core.management.base import CommandError
from django.db import migrations, models

from audit.services import _ids_and_times, entry_for
from audit.proof.marks import sign
from qhse.accounts.usernames import Named, describe, replacement, troubles, username_key

REASON = "user names are unique regardless of case and Unicode form"


def give_keys(apps, schema_editor):
    User = apps.get_model("accounts", "User")
    found = troubles(Named(*row) for row in User.objects.values_list("pk", "username", "is_active", "external_id"))
    if undecided := [trouble for trouble in found if trouble.has_to_decide]:
        raise CommandError("no migration of user names: " + "; ".join(describe(trouble) for trouble in undecided))
    renamed = {trouble.user.pk: replacement(trouble.user) for trouble in found}
    for user in User.objects.all():
        former, user.username = user.username, renamed.get(user.pk, user.username)
        user.username_key = username_key(user.username)
        user.save(update_fields=["username", "username_key"])
        if user.username != former:
            _record(apps.get_model("audit", "AuditEntry"), user.pk, former, user.username)


def _record(AuditEntry, user_id, former, present):
    # The service's own model may know columns that are not there yet.
    entry = entry_for(
        actor=None, action="USER_CHANGED", entity_type="user", entity_id=user_id,
        changes={"username": (former, present)}, reason=REASON,
    )
    ((entry.pk, entry.created_at),) = _ids_and_times(1)
    sign(entry)
    columns = {field.attname: getattr(entry, field.attname) for field in AuditEntry._meta.concrete_fields}
    AuditEntry.objects.bulk_create([AuditEntry(**columns)])


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_external_users'),
        ('audit', '0007_sealing_turn'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='username_key',
            field=models.CharField(editable=False, max_length=600, null=True),
        ),
        migrations.RunPython(give_keys, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='user',
            name='username_key',
            field=models.CharField(editable=False, max_length=600),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(fields=('username_key',), name='user_name_is_unique', violation_error_message='There is already a user of this name.'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('username', ''), _negated=True), models.Q(('username_key', ''), _negated=True)), name='user_has_a_name', violation_error_message='A user needs a name.'),
        ),
    ]
