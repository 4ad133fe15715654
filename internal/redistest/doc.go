// Package redistest starts real Redis servers for tests: a single server with
// [Server], a cluster with [Cluster] or [ReplicatedCluster], or a primary, a
// replica and a Sentinel with [Sentinel]. [Proxy] adds faults to a connection.
//
// Every call starts new servers on free ports of 127.0.0.1, with a temporary
// folder. A server is ready within about 20 ms, so tests share no servers and
// may run in parallel. The servers are killed when the test ends, and also if
// the test process is killed. If the test fails, its output contains their
// logs.
//
//	func TestSomething(t *testing.T) {
//		server := redistest.Server(t)
//		pools, err := pool.Open(t.Context(), pool.Config{URL: server.URL()})
//		...
//	}
//
// Environment variables:
//
//   - REDISTEST_SERVER is the server program. It defaults to redis-server in
//     PATH. Set it to test a newer Redis or Valkey.
//   - REDISTEST_REQUIRED=1 or CI=true: if the program is missing, the test
//     fails. Otherwise it is skipped and logs the reason.
//   - REDISTEST_SLOWLOG is a file to which each server appends its slowest
//     commands when its test ends.
//
// It requires Redis 7.0 or newer, or Valkey. Only tests may import this
// package.
package redistest
