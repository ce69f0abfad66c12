"""Errors, schemas, and what else the client can do by the Python client postgrest."""

import asyncio
import unittest
from datetime import date

from cases import URL, Cases, refused
from postgrest import AsyncPostgrestClient, CountMethod, SyncPostgrestClient


class Rest(Cases):
    def test_errors(self):
        self.expect_error(
            self.db.from_("film").select("*"),
            code="PGRST205",
            message="Could not find the table 'public.film' in the schema cache",
            hint="Perhaps you meant the table 'public.films'",
        )
        self.expect_error(self.films("nothing"), code="42703", message="column films.nothing does not exist")
        self.expect_error(self.films().eq("id", "one"), code="22P02", message='invalid input syntax for type bigint: "one"')
        self.expect_error(self.films().filter("id", "equals", "1"), code="PGRST100")

    # The client has a code without a body from Proxy-Status, where it looks for PostgREST's name.
    def test_an_error_of_head(self):
        self.expect_error(self.films("nothing", head=True), code="42703")

    def test_schemas(self):
        self.assertEqual(
            self.db.schema("public").from_("genres").select("name").eq("position", 4).execute().data, [{"name": "Western"}]
        )
        self.expect_error(self.db.schema("private").from_("films").select("*"), code="PGRST106")

    def test_credentials(self):
        with SyncPostgrestClient(URL, headers={"apikey": "none"}) as own:
            self.assertEqual(own.auth("none").from_("films").select("id").eq("id", 5).execute().data, [{"id": 5}])

    def test_many_requests_at_once(self):
        async def ask():
            async with AsyncPostgrestClient(URL) as db:

                async def one(key):
                    return (await db.from_("films").select("id").eq("id", key).single().execute()).data["id"]

                return await asyncio.gather(*(one(key % 10 + 1) for key in range(100)))

        self.assertEqual(asyncio.run(ask()), [key % 10 + 1 for key in range(100)])

    def test_asynchronous_writes(self):
        async def write():
            async with AsyncPostgrestClient(URL) as db:
                tasks = db.from_("tasks")
                row = (await tasks.insert({"title": "later"}).select("id", "title").execute()).data[0]
                await tasks.update({"done": True}).eq("id", row["id"]).execute()
                kept = await tasks.select("done", count=CountMethod.exact).eq("id", row["id"]).execute()
                gone = await tasks.delete().eq("id", row["id"]).select("title").execute()
                return row["title"], kept.data, kept.count, gone.data

        self.assertEqual(asyncio.run(write()), ("later", [{"done": True}], 1, [{"title": "later"}]))

    @refused("PGRST107")
    def test_explain(self):
        self.assertIn("films", self.films().eq("id", 1).explain().execute())

    def test_rpc(self):
        self.assertEqual(self.db.rpc("double", {"number": 2}).execute().data, 4)
        self.assertEqual(self.db.rpc("double", {"number": 3}, get=True).execute().data, 6)
        dramas = self.db.from_("dramas").select("id").order("id").execute().data
        self.assertTrue(dramas)
        films = self.db.rpc("films_of", {"genre_name": "Drama"}).select("id").order("id").execute().data
        self.assertEqual(films, dramas)
        self.expect_error(self.db.rpc("treble", {"number": 2}), code="PGRST202")
