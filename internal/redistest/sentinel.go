package redistest

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

// masterSet is the name of the primary in the Sentinel.
const masterSet = "symphony"

// SentinelInstance is a primary, its replica, and a Sentinel that monitors
// them. If the primary does not reply for half a second, the Sentinel promotes
// the replica.
type SentinelInstance struct {
	Primary  *Instance // at the start; after a failover, a replica if it runs
	Replica  *Instance
	Sentinel *Instance
}

// Sentinel starts a primary, a replica and a Sentinel, and returns when the
// Sentinel knows both. The config lines are added to the configuration of the
// primary and the replica, as in [Server].
func Sentinel(tb testing.TB, config ...string) *SentinelInstance {
	tb.Helper()
	primary := Server(tb, config...)
	replica := Server(tb, slices.Concat(config, []string{fmt.Sprintf("replicaof 127.0.0.1 %d", primary.port)})...)
	return startSentinel(tb, primary, replica, "127.0.0.1", strconv.Itoa(primary.port), nil)
}

// startSentinel starts a Sentinel that monitors the primary at a host and port.
func startSentinel(tb testing.TB, primary, replica *Instance, host, port string, config []string) *SentinelInstance {
	tb.Helper()
	r := replica.admin(tb)
	if !waitFor(func() bool { return r.infoContains("master_link_status:up") }) {
		tb.Fatalf("redistest: the replica does not follow its primary:\n%s", r.do("INFO", "replication"))
	}
	sentinel := start(tb, func(sentinelPort int) []string {
		return slices.Concat(config, []string{
			fmt.Sprintf("port %d", sentinelPort),
			fmt.Sprintf("sentinel monitor %s %s %s 1", masterSet, host, port),
			"sentinel down-after-milliseconds " + masterSet + " 500",
			"sentinel failover-timeout " + masterSet + " 5000",
		})
	}, "--sentinel")
	s := sentinel.admin(tb)
	if !waitFor(s.seesReplica) {
		tb.Fatalf("redistest: the Sentinel does not see the replica:\n%s", s.do("INFO", "sentinel"))
	}
	return &SentinelInstance{primary, replica, sentinel}
}

// URL returns the value for pool.Config.URL: the address of the Sentinel, and
// the name of the primary.
func (s *SentinelInstance) URL() string { return s.Sentinel.URL() + "?master_set=" + masterSet }

// seesReplica reports whether a Sentinel knows one replica that can take over.
func (a admin) seesReplica() bool {
	list := a.client.B().Arbitrary("SENTINEL", "REPLICAS", masterSet).Build()
	replicas, err := a.client.Do(a.tb.Context(), list).ToArray()
	if err != nil || len(replicas) != 1 {
		return false
	}
	fields, err := replicas[0].AsStrMap()
	return err == nil && fields["flags"] == "slave" && fields["master-link-status"] == "ok"
}
