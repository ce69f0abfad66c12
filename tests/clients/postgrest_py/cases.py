"""What the cases of the Python client postgrest share. What they expect is what PostgREST answers."""

import functools
import os
import unittest

from postgrest import APIError, SyncPostgrestClient

URL = os.environ["SHARDPLEX_URL"]


def refused(code):
    """What this release refuses over shards. Such a case expects what PostgREST answers, and has to fail by this code: the day it
    no longer does, the mark goes."""

    def mark(case):
        @functools.wraps(case)
        def run(self):
            with self.assertRaises(APIError) as raised:
                case(self)
            self.assertEqual(raised.exception.code, code)

        return run

    return mark


class Cases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.db = cls.enterClassContext(SyncPostgrestClient(URL))

    def films(self, *columns, **options):
        return self.db.from_("films").select(*(columns or ("id",)), **options)

    def expect_ids(self, request, expected):
        self.assertEqual([row["id"] for row in request.execute().data], expected)

    def expect(self, request, expected):
        self.assertEqual(request.execute().data, expected)

    def expect_error(self, request, **expected):
        with self.assertRaises(APIError) as raised:
            request.execute()
        self.assertEqual({name: getattr(raised.exception, name) for name in expected}, expected)
