"""Columns, order, pages, counts and formats by the Python client postgrest."""

from cases import Cases
from postgrest import CountMethod


class Rows(Cases):
    def test_columns(self):
        self.expect(
            self.films("key:id", "title", "year::text", "score").eq("id", 1),
            [{"key": 1, "title": "The Harbour", "year": "1984", "score": 8.1}],
        )
        self.expect(
            self.films("id, tags, shown, watched, city:details->studio->>city").in_("id", [1, 3]).order("id"),
            [
                {"id": 1, "tags": ["sea", "night"], "shown": "[10,20)", "watched": True, "city": "Oslo"},
                {"id": 3, "tags": [], "shown": None, "watched": None, "city": None},
            ],
        )

    def test_strip_nulls(self):
        self.expect(
            self.films("id", "watched").in_("id", [2, 3]).order("id").strip_nulls(), [{"id": 2, "watched": False}, {"id": 3}]
        )
        self.assertEqual(self.films("id", "score").eq("id", 3).strip_nulls().single().execute().data, {"id": 3})

    def test_order(self):
        for request, expected in (
            (self.films().order("year", desc=True).order("title").limit(5), [10, 9, 8, 7, 5]),
            (self.films().order("score").order("id"), [10, 6, 4, 9, 2, 8, 1, 5, 7, 3]),
            (self.films().order("score", desc=True).order("id"), [3, 7, 1, 5, 2, 8, 9, 4, 6, 10]),
            (self.films().order("score", desc=True, nullsfirst=False).order("id").limit(2), [7, 1]),
            (self.films().order("title").limit(4), [7, 4, 3, 5]),
        ):
            with self.subTest(request.request.params):
                self.expect_ids(request, expected)

    def test_pages(self):
        self.expect_ids(self.films().order("id").range(3, 5), [4, 5, 6])
        self.expect_ids(self.films().order("id").limit(2).offset(8), [9, 10])
        self.expect_ids(self.films().order("id").range(50, 59), [])
        seen = []
        for start in range(0, 12, 3):
            seen += [row["id"] for row in self.films().order("year").range(start, start + 2).execute().data]
        self.assertEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])

    def test_single(self):
        self.assertEqual(self.films("id", "title").eq("id", 6).single().execute().data, {"id": 6, "title": "Zebra Crossing"})
        self.expect_error(
            self.films().eq("id", 99).single(),
            code="PGRST116",
            message="Cannot coerce the result to a single JSON object",
            details="The result contains 0 rows",
            hint=None,
        )
        self.expect_error(self.films().eq("genre", "Comedy").single(), code="PGRST116", details="The result contains 3 rows")

    def test_maybe_single(self):
        self.assertEqual(self.films("title").eq("id", 2).maybe_single().execute().data, {"title": "Paper Moons"})
        self.assertIsNone(self.films().eq("id", 99).maybe_single().execute())
        self.expect_error(self.films().eq("year", 2003).maybe_single(), code="406")

    def test_csv(self):
        self.assertEqual(
            self.films("id", "title", "score").lte("id", 3).order("id").csv().execute().data,
            'id,title,score\n1,"The Harbour",8.1\n2,"Paper Moons",7.4\n3,"Cold Iron",',
        )

    def test_counts(self):
        got = self.films(count=CountMethod.exact).gt("year", 2003).order("id").limit(2).execute()
        self.assertEqual((got.data, got.count), ([{"id": 5}, {"id": 6}], 6))
        self.assertEqual(self.films(count=CountMethod.estimated).gt("year", 2003).limit(2).execute().count, 6)
        self.assertIn(self.films(count=CountMethod.planned).limit(1).execute().count, range(1, 100))
        self.assertEqual(self.films(count=CountMethod.exact).eq("genre", "Western").execute().count, 0)
        self.assertIsNone(self.films().execute().count)
        self.expect_error(self.films(count=CountMethod.exact).range(50, 59), code="PGRST103")

    def test_head(self):
        got = self.films("*", count=CountMethod.exact, head=True).eq("genre", "Comedy").execute()
        self.assertEqual((got.data, got.count), ([], 3))
        self.assertEqual(self.films("*", head=True).execute().data, [])
