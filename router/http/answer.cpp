#include "router/http/answer.hpp"

namespace shardplex::router {

Answer to_answer(const Error& error) {
  Answer answer;
  answer.status = static_cast<unsigned>(http_status(error));
  answer.body = to_json(error);
  answer.set("Proxy-Status", "Shardplex; error=" + error.code);  // RFC 9209, as PostgREST has it
  if (answer.status == 503) answer.set("Retry-After", "1");
  return answer;
}

}  // namespace shardplex::router
