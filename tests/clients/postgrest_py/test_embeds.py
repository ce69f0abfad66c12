"""Embeds and aggregates by the Python client postgrest."""

from cases import Cases


class Embeds(Cases):
    def test_to_one(self):
        self.expect(
            self.films("id, director:people!films_director(name)").in_("id", [1, 4, 9]).order("id"),
            [
                {"id": 1, "director": {"name": "Ada Berg"}},
                {"id": 4, "director": None},
                {"id": 9, "director": {"name": "Dan Eck"}},
            ],
        )
        self.expect(
            self.films("id, director:director_id(name), genres(position)").eq("id", 2),
            [{"id": 2, "director": {"name": "Ben Cole"}, "genres": {"position": 2}}],
        )

    def test_to_many(self):
        self.expect(
            self.films("id, reviews(author)").in_("id", [2, 3]).order("id"),
            [{"id": 2, "reviews": [{"author": "ann"}, {"author": "bob"}]}, {"id": 3, "reviews": []}],
        )
        people = self.db.from_("people").select("name, films!films_director(id)").lte("id", 2).order("id")
        self.expect(
            people.order("id", foreign_table="films"),
            [
                {"name": "Ada Berg", "films": [{"id": 1}, {"id": 3}]},
                {"name": "Ben Cole", "films": [{"id": 2}, {"id": 6}, {"id": 7}]},
            ],
        )
        cast = self.films("id, cast:people!roles(name)").in_("id", [1, 6]).order("id").order("name", foreign_table="cast")
        self.expect(cast, [{"id": 1, "cast": [{"name": "Ben Cole"}, {"name": "Dan Eck"}]}, {"id": 6, "cast": []}])

    def test_filters(self):
        self.expect(
            self.films("id, reviews(stars)").eq("reviews.author", "bob").lte("id", 3).order("id"),
            [{"id": 1, "reviews": [{"stars": 4}]}, {"id": 2, "reviews": [{"stars": 3}]}, {"id": 3, "reviews": []}],
        )
        self.expect_ids(self.films("id, reviews!inner(stars)").eq("reviews.author", "bob").order("id"), [1, 2, 9])
        self.expect_ids(self.films("id, people!films_director!inner(name)").ilike("people.name", "%cole").order("id"), [2, 6, 7])
        self.expect_ids(self.films("id, roles!inner(people!inner(name))").eq("roles.people.name", "Dan Eck").order("id"), [1, 5])
        self.expect(
            self.films("reviews(author)").or_("stars.lt.2,author.eq.ann", reference_table="reviews").eq("id", 7),
            [{"reviews": [{"author": "ann"}, {"author": "dee"}]}],
        )
        self.expect_ids(self.films("id, reviews()").is_("reviews", None).order("id"), [3, 4, 6, 8, 10])

    def test_order_and_limit(self):
        self.expect(
            self.films("id, reviews(author)")
            .order("stars", foreign_table="reviews")
            .limit(1, foreign_table="reviews")
            .lte("id", 2)
            .order("id"),
            [{"id": 1, "reviews": [{"author": "cyd"}]}, {"id": 2, "reviews": [{"author": "ann"}]}],
        )
        self.expect(
            self.films("reviews(number)").range(1, 2, foreign_table="reviews").eq("id", 1),
            [{"reviews": [{"number": 2}, {"number": 3}]}],
        )

    def test_spread(self):
        self.expect(
            self.films("id, ...people!films_director(by:name)").in_("id", [5, 8]).order("id"),
            [{"id": 5, "by": "Cleo Dunn"}, {"id": 8, "by": None}],
        )

    def test_aggregates(self):
        self.expect(
            self.films("genre, count(), score.max()").order("genre"),
            [
                {"genre": "Comedy", "count": 3, "max": 9.0},
                {"genre": "Drama", "count": 4, "max": 8.1},
                {"genre": "Horror", "count": 2, "max": 3.0},
                {"genre": None, "count": 1, "max": 7.4},
            ],
        )
        self.expect(
            self.films("id, reviews(count)").in_("id", [1, 3]).order("id"),
            [{"id": 1, "reviews": [{"count": 3}]}, {"id": 3, "reviews": [{"count": 0}]}],
        )

    def test_errors(self):
        self.expect_error(self.films("id, people(name)"), code="PGRST201")
        self.expect_error(self.films("id, tasks(title)"), code="PGRST200")
