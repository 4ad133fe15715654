package redistest

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

// masterSet is the name under which the Sentinel knows the primary.
const masterSet = "symphony"

// SentinelInstance is a primary and its replica, watched by one Sentinel. It
// takes half a second without an answer for the death of the primary, and
// then makes the replica the primary.
type SentinelInstance struct {
	Primary  *Instance // at the start; after a failover it is a replica, if it runs
	Replica  *Instance
	Sentinel *Instance
}

// Sentinel starts a primary, a replica and a Sentinel, and waits until the
// Sentinel knows both. The config lines go to primary and replica, as in
// [Server].
func Sentinel(tb testing.TB, config ...string) *SentinelInstance {
	tb.Helper()
	primary := Server(tb, config...)
	replica := Server(tb, slices.Concat(config, []string{fmt.Sprintf("replicaof 127.0.0.1 %d", primary.port)})...)
	return watch(tb, primary, replica, "127.0.0.1", strconv.Itoa(primary.port), nil)
}

// watch starts a Sentinel that knows the primary by a host and a port.
func watch(tb testing.TB, primary, replica *Instance, host, at string, config []string) *SentinelInstance {
	tb.Helper()
	follower := replica.admin(tb)
	if !waitFor(func() bool { return follower.says("master_link_status:up") }) {
		tb.Fatalf("redistest: the replica does not follow its primary:\n%s", follower.do("INFO", "replication"))
	}
	watcher := start(tb, func(port int) []string {
		return slices.Concat(config, []string{
			fmt.Sprintf("port %d", port),
			fmt.Sprintf("sentinel monitor %s %s %s 1", masterSet, host, at),
			"sentinel down-after-milliseconds " + masterSet + " 500",
			"sentinel failover-timeout " + masterSet + " 5000",
		})
	}, "--sentinel")
	watching := watcher.admin(tb)
	if !waitFor(watching.seesReplica) {
		tb.Fatalf("redistest: the Sentinel does not see the replica:\n%s", watching.do("INFO", "sentinel"))
	}
	return &SentinelInstance{primary, replica, watcher}
}

// URL is what pool.Config.URL takes. It names the Sentinel and the master set.
func (s *SentinelInstance) URL() string { return s.Sentinel.URL() + "?master_set=" + masterSet }

// seesReplica reports whether a Sentinel knows one replica, fit to take over.
func (a admin) seesReplica() bool {
	list := a.client.B().Arbitrary("SENTINEL", "REPLICAS", masterSet).Build()
	replicas, err := a.client.Do(a.tb.Context(), list).ToArray()
	if err != nil || len(replicas) != 1 {
		return false
	}
	about, err := replicas[0].AsStrMap()
	return err == nil && about["flags"] == "slave" && about["master-link-status"] == "ok"
}
