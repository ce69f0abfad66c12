// Asio and Beast are compiled here, once, for every target that links shardplex_asio.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
