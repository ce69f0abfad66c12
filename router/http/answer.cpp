#include "router/http/answer.hpp"

namespace shardplex::router {

Answer to_answer(const Error& error) {
  Answer answer;
  answer.status = static_cast<unsigned>(http_status(error));
  answer.body = to_json(error);
  // RFC 9209. Clients of PostgREST look for its name.
  answer.set("Proxy-Status", "Shardplex; error=" + error.code + ", PostgREST; error=" + error.code);
  if (answer.status == 503) answer.set("Retry-After", "1");
  return answer;
}

}  // namespace shardplex::router
