-- POST /movies with one small row; the router hands out the id.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"name":"A New Film","director":"Somebody","primary_genre":"Drama","genre":["Drama"],"imdb_score":7.1}'
