#include "router/http/answer.hpp"

namespace shardplex::router {

Answer to_answer(const Error& error) {
  Answer answer;
  answer.status = static_cast<unsigned>(http_status(error));
  answer.body = to_json(error);
  if (answer.status == 503) answer.set("Retry-After", "1");
  return answer;
}

}  // namespace shardplex::router
