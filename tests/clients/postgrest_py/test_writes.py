"""Writes by the Python client postgrest."""

from datetime import date

from cases import Cases, refused
from postgrest import CountMethod, ReturnMethod

WHOLE = {"done": False, "priority": None, "labels": None, "details": None, "due": None, "Two Words": None, "kebab-name": None}


class Writes(Cases):
    """Each has rows of its own, and leaves none of them."""

    def tasks(self):
        return self.db.from_("tasks")

    def steps(self):
        return self.db.from_("steps")

    def with_task(self, key, *numbers):
        self.tasks().insert({"id": key, "title": f"task {key}"}, returning=ReturnMethod.minimal).execute()
        self.addCleanup(self.tasks().delete().eq("id", key).execute)
        self.addCleanup(self.steps().delete().eq("task_id", key).execute)
        if numbers:
            self.steps().insert([{"task_id": key, "number": number} for number in numbers]).execute()

    def test_insert(self):
        row = {"id": 1, "title": "one", "labels": ["a", "b c"], "details": {"deep": [1, None]}, "due": date(2030, 1, 2)}
        self.addCleanup(self.tasks().delete().eq("id", 1).execute)
        got = self.tasks().insert(row, count=CountMethod.exact).execute()
        self.assertEqual((got.data, got.count), ([WHOLE | row | {"due": "2030-01-02"}], 1))
        self.expect(self.tasks().select("*").eq("id", 1), got.data)
        self.expect_error(self.tasks().insert(row), code="23505", details="Key (id)=(1) already exists.")

    def test_insert_minimal(self):
        self.addCleanup(self.tasks().delete().eq("id", 2).execute)
        self.assertEqual(self.tasks().insert({"id": 2, "title": "two"}, returning=ReturnMethod.minimal).execute().data, [])
        self.expect(self.tasks().select("title").eq("id", 2), [{"title": "two"}])

    def test_insert_and_select(self):
        self.addCleanup(self.tasks().delete().eq("id", 3).execute)
        self.expect(self.tasks().insert({"id": 3, "title": "three"}).select("key:id", "done"), [{"key": 3, "done": False}])

    def test_insert_without_a_key(self):
        row = self.tasks().insert({"title": "no key"}).execute().data[0]
        self.expect(self.tasks().delete().eq("id", row["id"]), [row])

    def test_insert_of_several_rows_of_a_shard(self):
        self.with_task(4)
        got = self.steps().insert([{"task_id": 4, "number": 1, "note": "a"}, {"task_id": 4, "number": 2, "note": "b"}]).execute()
        self.assertEqual(got.data, [{"task_id": 4, "number": 1, "note": "a"}, {"task_id": 4, "number": 2, "note": "b"}])

    def test_insert_with_an_order(self):
        self.with_task(18)
        request = self.steps().insert([{"task_id": 18, "number": 1}, {"task_id": 18, "number": 2}]).select("number")
        self.expect(request.order("number", desc=True), [{"number": 2}, {"number": 1}])

    def test_update_with_an_order(self):
        self.with_task(19, 1, 2)
        self.expect(
            self.steps().update({"note": "x"}).eq("task_id", 19).select("number").order("number", desc=True),
            [{"number": 2}, {"number": 1}],
        )

    def test_names_of_columns(self):
        self.with_task(20)
        row = {"Two Words": "b", "kebab-name": "a"}
        self.expect(self.tasks().update(row).eq("id", 20).select('"Two Words"', "kebab-name"), [row])
        self.expect(self.tasks().select("id").eq("Two Words", "b").eq("kebab-name", "a").order("Two Words"), [{"id": 20}])

    def test_a_large_row(self):
        self.with_task(21)
        title = "0123456789" * 30000
        self.tasks().update({"title": title}, returning=ReturnMethod.minimal).eq("id", 21).execute()
        self.assertEqual(self.tasks().select("title").eq("id", 21).single().execute().data, {"title": title})

    def test_insert_of_rows_of_several_shards(self):
        self.assertEqual(len(self.tasks().insert([{"id": key, "title": "x"} for key in (11, 12, 13, 14)]).execute().data), 4)

    def test_insert_with_defaults(self):
        self.with_task(15)
        self.expect(
            self.steps()
            .insert([{"task_id": 15, "number": 1}, {"task_id": 15, "number": 2, "note": "x"}], default_to_null=False)
            .select("note"),
            [{"note": "to do"}, {"note": "x"}],
        )

    def test_upsert(self):
        self.with_task(16)
        self.expect(self.tasks().upsert({"id": 16, "title": "more"}).select("id", "title"), [{"id": 16, "title": "more"}])

    def test_upsert_that_ignores_what_is_there(self):
        self.with_task(17)
        self.expect(self.tasks().upsert({"id": 17, "title": "x"}, ignore_duplicates=True, on_conflict="id"), [])

    def test_update(self):
        self.with_task(5)
        got = self.tasks().update({"priority": 3, "done": True}, count=CountMethod.exact).eq("id", 5).execute()
        self.assertEqual((got.data, got.count), ([WHOLE | {"id": 5, "title": "task 5", "priority": 3, "done": True}], 1))
        self.assertEqual(self.tasks().update({"priority": None}, returning=ReturnMethod.minimal).eq("id", 5).execute().data, [])
        self.expect(self.tasks().select("priority").eq("id", 5), [{"priority": None}])
        self.expect(self.tasks().update({"title": "x"}).eq("id", 99), [])

    def test_update_of_several_rows_of_a_shard(self):
        self.with_task(6, 1, 2, 3)
        self.expect(
            self.steps().update({"note": "done"}).eq("task_id", 6).lte("number", 2).select("number", "note"),
            [{"number": 1, "note": "done"}, {"number": 2, "note": "done"}],
        )

    def test_update_of_rows_of_several_shards(self):
        self.tasks().update({"priority": 9}).in_("id", [1, 2, 3, 4, 5]).execute()

    def test_max_affected(self):
        self.with_task(7, 1, 2)
        self.expect_error(self.steps().update({"note": "x"}).eq("task_id", 7).max_affected(1), code="PGRST124")
        self.expect(
            self.steps().update({"note": "kept"}).eq("task_id", 7).max_affected(2).select("note"),
            [{"note": "kept"}, {"note": "kept"}],
        )

    def test_delete(self):
        self.with_task(8, 1, 2)
        got = self.steps().delete(count=CountMethod.exact).eq("task_id", 8).eq("number", 1).execute()
        self.assertEqual((got.data, got.count), ([{"task_id": 8, "number": 1, "note": "to do"}], 1))
        self.expect_error(self.tasks().delete().eq("id", 8), code="23503")
        self.assertEqual(self.steps().delete(returning=ReturnMethod.minimal).eq("task_id", 8).execute().data, [])
        self.expect(self.steps().delete().eq("task_id", 8), [])

    def test_delete_of_rows_of_several_shards(self):
        for key in (31, 32, 33, 34):
            self.with_task(key)
        self.assertEqual(len(self.tasks().delete().in_("id", [31, 32, 33, 34]).execute().data), 4)

    def test_errors(self):
        self.expect_error(self.tasks().insert({"id": 9}), code="23502")
        self.expect_error(self.tasks().insert({"id": 9, "title": "x", "priority": 0}), code="23514")
        self.expect_error(self.tasks().insert({"id": 9, "nothing": 1}), code="PGRST204")
        self.expect_error(self.tasks().insert({"id": 9, "title": "x", "due": "soon"}), code="22007")
        self.expect_error(self.steps().insert({"task_id": 404, "number": 1}), code="23503")
