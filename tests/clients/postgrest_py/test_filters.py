"""Filters by the Python client postgrest."""

from cases import Cases


class Filters(Cases):
    def test_comparisons(self):
        for request, expected in (
            (self.films().eq("title", "Night Ferry"), [5]),
            (self.films().eq("title", 'A "Quoted", (odd) Name'), [4]),
            (self.films().eq("watched", True), [1, 4, 7]),
            (self.films().neq("genre", "Drama"), [2, 3, 6, 7, 10]),
            (self.films().gt("score", 8), [1, 5, 7]),
            (self.films().gte("score", 8.1), [1, 5, 7]),
            (self.films().lt("year", 2003), [1, 2]),
            (self.films().lte("year", 2003), [1, 2, 3, 4]),
            (self.films().is_("score", None), [3]),
            (self.films().is_("watched", False), [2, 5, 8, 9]),
            (self.films().not_.is_("watched", None), [1, 2, 4, 5, 7, 8, 9]),
            (self.films().not_.eq("genre", "Drama"), [2, 3, 6, 7, 10]),
            (self.films().gte("year", 2003).lte("year", 2010).neq("id", 4), [3, 5, 6]),
            (self.films().match({"year": 2003, "genre": "Drama"}), [4]),
            (self.films().filter("year", "in", "(1984,1991)"), [1, 2]),
            (self.films().filter("genre", "isdistinct", "Drama"), [2, 3, 6, 7, 8, 10]),
            (self.films().filter("title", "match", "^[A-P]"), [2, 3, 4, 5]),
            (self.films().is_("watched", "unknown"), [3, 6, 10]),
        ):
            with self.subTest(request.request.params):
                self.expect_ids(request.order("id"), expected)

    def test_patterns(self):
        for request, expected in (
            (self.films().like("title", "%arbour%"), [1, 9]),
            (self.films().like("title", r"100\% Wool\_%"), [7]),
            (self.films().like_all_of("title", "%Moons,Paper%"), [2]),
            (self.films().like_any_of("title", "%Moons,Zebra%"), [2, 6]),
            (self.films().ilike("title", "%HARBOUR%"), [1, 9]),
            (self.films().ilike_all_of("title", "%harbour%,%lights"), [9]),
            (self.films().ilike_any_of("title", "ünd%,É%"), [8, 10]),
            (self.films().not_.ilike("title", "%r%"), [4, 7]),
        ):
            with self.subTest(request.request.params):
                self.expect_ids(request.order("id"), expected)

    def test_lists(self):
        for request, expected in (
            (self.films().in_("id", [9, 2, 5]), [2, 5, 9]),
            (self.films().in_("title", ["Ünder", 'A "Quoted", (odd) Name', "a,b"]), [4, 10]),
            (self.films().in_("id", []), []),
            (self.films().not_.in_("id", [1, 2, 3, 4, 5, 6, 7]), [8, 9, 10]),
        ):
            with self.subTest(request.request.params):
                self.expect_ids(request.order("id"), expected)

    def test_arrays(self):
        for request, expected in (
            (self.films().contains("tags", ["sea", "night"]), [1]),
            (self.films().contains("tags", ["two words", "comma,here"]), [4]),
            (self.films().cs("tags", ["city"]), [6, 7]),
            (self.films().contained_by("tags", ["sea", "ferry", "night", "dark"]), [1, 3, 5, 8, 9, 10]),
            (self.films().cd("tags", ["city"]), [3, 6]),
            (self.films().overlaps("tags", ["moon", "ferry", "none"]), [2, 5]),
            (self.films().ov("tags", ["dark"]), [10]),
        ):
            with self.subTest(request.request.params):
                self.expect_ids(request.order("id"), expected)

    def test_documents(self):
        for request, expected in (
            (self.films().contains("details", {"studio": {"name": "Nord"}}), [1, 5, 9]),
            (self.films().contained_by("details", {"length": 12, "more": True}), [8]),
            (self.films().eq("details->studio->>name", "Sud"), [2, 6]),
            (self.films().gte("details->length", 101), [1, 4, 9]),
            (self.films().eq("details->awards->>0", "gold"), [1, 4, 7, 9]),
        ):
            with self.subTest(request.request.params):
                self.expect_ids(request.order("id"), expected)

    def test_ranges(self):
        for request, expected in (
            (self.films().range_gt("shown", (20, 30)), [5, 8, 10]),
            (self.films().range_gte("shown", (19, 30)), [2, 5, 6, 8, 10]),
            (self.films().range_lt("shown", (19, 30)), [1, 4]),
            (self.films().range_lte("shown", (20, 30)), [1, 2, 4, 6, 9]),
            (self.films().range_adjacent("shown", (19, 30)), [1, 5]),
            (self.films().contains("shown", "[12,14)"), [1, 4, 7]),
            (self.films().contained_by("shown", "[20,30)"), [2, 6]),
            (self.films().ov("shown", "[18,21)"), [1, 2, 6, 7, 9]),
        ):
            with self.subTest(request.request.params):
                self.expect_ids(request.order("id"), expected)

    def test_text_search(self):
        for request, expected in (
            (self.films().text_search("words", "ship & sailor"), [1]),
            (self.films().text_search("words", "crossing nights", {"type": "plain"}), [5]),
            (self.films().text_search("words", "paper moon", {"type": "phrase", "config": "english"}), [2]),
            (self.films().text_search("words", "night -ferry or zebra", {"type": "web_search", "config": "english"}), [6, 8]),
            (self.films().text_search("summary", "ships", {"config": "english"}), [1, 9]),
            (self.films().fts("words", "sailor"), [1, 5]),
            (self.films().plfts("words", "night sea"), [5]),
            (self.films().phfts("words", "night sea"), [5]),
            (self.films().wfts("words", "ship -sailor"), [9]),
        ):
            with self.subTest(request.request.params):
                self.expect_ids(request.order("id"), expected)

    def test_or(self):
        for request, expected in (
            (self.films().or_("id.eq.2,title.eq.Zebra Crossing"), [2, 6]),
            (
                self.films().or_("and(genre.eq.Drama,year.gt.2005),not.and(score.gte.5,id.lt.100),title.ilike.*moon*"),
                [2, 5, 9, 10],
            ),
            (self.films().or_('title.in.("A \\"Quoted\\", (odd) Name",Éclair),tags.cs.{wool}'), [4, 7, 8]),
            (self.films().or_("score.is.null,genre.is.null"), [3, 8]),
            (self.films().not_.or_("year.lt.2015,genre.is.null"), [7, 9, 10]),
        ):
            with self.subTest(request.request.params):
                self.expect_ids(request.order("id"), expected)
