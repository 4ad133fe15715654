// Package redistest starts real Redis servers for tests: one server, a
// cluster of three primaries, or a primary and a replica watched by a
// Sentinel.
//
// Every call starts servers of its own, on free ports of 127.0.0.1 and in a
// temporary folder, and the test's Cleanup kills them; a server is up within
// some 20 ms, so tests share nothing and may run in parallel. Servers also
// end when the test process is killed. Their logs appear in the test's output
// when the test failed.
//
//	func TestSomething(t *testing.T) {
//		server := redistest.Server(t)
//		pools, err := pool.Open(t.Context(), pool.Config{URL: server.URL()})
//		...
//	}
//
// Variables of the environment:
//
//   - REDISTEST_SERVER is the server program to run in place of the
//     redis-server in PATH: a newer Redis, or Valkey.
//   - REDISTEST_REQUIRED=1, or CI=true, makes a test fail where the program is
//     missing; without them such a test is skipped, and says why.
//
// Servers are Redis 7.0 or newer, or Valkey. Only tests may import this package.
package redistest
