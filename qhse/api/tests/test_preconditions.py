"""What an If-Match refuses."""

from __future__ import annotations

import pytest

from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def keyed(key: str = KEY) -> dict[str, str]:
    return {"HTTP_IDEMPOTENCY_KEY": key}


class TestIfMatch:
    @pytest.fixture
    def supplier_page(self, api, make_supplier):
        client = api("admin")
        path = f"/suppliers/{make_supplier().pk}"
        return client, path, client.get(path)["ETag"]

    def change(self, client, path, tag, day="2029-06-30"):
        return client.patch(f"{path}/certification", {"certification_expiry": day}, HTTP_IF_MATCH=tag)

    def test_of_the_present_version_is_honoured_and_the_answer_names_the_next(self, supplier_page):
        client, path, tag = supplier_page

        response = self.change(client, path, tag)

        assert response.status_code == 200
        assert response["ETag"] == client.get(path)["ETag"] != tag

    def test_of_a_stale_version_is_412_and_changes_nothing(self, supplier_page, problem_of, row_counts):
        client, path, tag = supplier_page
        self.change(client, path, tag)
        before = row_counts()

        problem = problem_of(self.change(client, path, tag, "2030-01-01"), 412)

        assert problem["code"] == "stale_version"
        assert client.get(path).json()["certification_expiry"] == "2029-06-30"
        assert row_counts() == before

    @pytest.mark.parametrize("condition", ["*", '"7", {tag}', '{tag} , W/"x"'])
    def test_may_be_a_star_or_a_list(self, supplier_page, condition):
        client, path, tag = supplier_page

        assert self.change(client, path, condition.format(tag=tag)).status_code == 200

    @pytest.mark.parametrize(
        "condition",
        ["W/{tag}", '"{number}-gzip"', '"{number};gzip"', '"{number}--gzip"', '"{number}-br"', '"{number}-zstd"',
         'W/"{number}-gzip"', '"{number}:br"', '"7", W/{tag}', "{tag},",
         ", {tag}", '"7", , {tag} ,', '"{number}-brotli"',
         '"{number}/brotli"', '"{number}-br-gzip"', '"{number}-GZIP"'],
    )  # fmt: skip
    def test_may_be_what_a_compressing_proxy_has_made_of_the_tag(self, supplier_page, condition):
        client, path, tag = supplier_page
        condition = condition.format(tag=tag, number=tag.strip('"'))
        assert self.change(client, path, condition).status_code == 200

        assert self.change(client, path, condition, "2030-01-01").status_code == 412  # it is stale now

    @pytest.mark.parametrize(
        "condition",
        [
            '"nobody-gave-this"',
            'W/"x"',
            '""',
            '"01"',
            '"1.0"',
            '"99999999999999"',
            '"1-"',
            '"1gzip"',
            '"1-gzip-"',
            '"-gzip"',
        ],
    )
    def test_of_a_foreign_tag_matches_nothing_and_says_so(self, supplier_page, problem_of, condition):
        client, path, tag = supplier_page

        problem = problem_of(self.change(client, path, condition.format(tag=tag)), 412)

        assert problem["code"] == "stale_version"
        assert "names no ETag of this server" in problem["detail"]

    @pytest.mark.parametrize("condition", ["", "1", '"1', "*, *", '"1";"2"', '"a"b"'])
    def test_that_is_no_entity_tag_is_400(self, supplier_page, problem_of, condition):
        client, path, _ = supplier_page

        assert problem_of(self.change(client, path, condition), 400)["code"] == "invalid_if_match"

    def test_what_the_worker_concludes_makes_no_version_stale(self, supplier_page, drain, make_nc):
        client, path, tag = supplier_page
        make_nc(supplier_id=int(path.rsplit("/", 1)[1]), severity="high")
        drain()

        assert self.change(client, path, tag).status_code == 200

    def test_guards_the_closing_of_a_nonconformity(self, api, make_nc, problem_of):
        client, path = api("quality"), f"/ncs/{make_nc().pk}"
        tag = client.get(path)["ETag"]
        assert client.patch(f"{path}/close", {}, HTTP_IF_MATCH=tag).status_code == 200

        problem_of(client.patch(f"{path}/close", {}, HTTP_IF_MATCH=tag), 412)

    def test_is_refused_where_nothing_has_a_tag(self, api, problem_of):
        problem_of(api("procurement").post("/suppliers", {"name": "Hansa Forge GmbH"}, HTTP_IF_MATCH='"1"'), 412)

        assert Supplier.objects.count() == 0

    def test_is_not_asked_when_the_answer_is_given_again(self, supplier_page):
        client, path, tag = supplier_page
        body = {"certification_expiry": "2029-06-30"}
        first = client.patch(f"{path}/certification", body, HTTP_IF_MATCH=tag, **keyed())

        again = client.patch(f"{path}/certification", body, HTTP_IF_MATCH=tag, **keyed())

        assert (again.status_code, again.content) == (200, first.content)
