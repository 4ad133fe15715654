package redistest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const slots = 16384

// ClusterInstance is a Redis cluster of three primaries.
type ClusterInstance struct {
	Primaries []*Instance // each serves a third of the slots, in order
	Replicas  []*Instance // of the primary with the same index; empty from Cluster
}

// Cluster starts a cluster of three primaries, and returns when each of them
// reports that the cluster is complete. The config lines are added to the
// configuration of every node, as in [Server].
func Cluster(tb testing.TB, config ...string) *ClusterInstance {
	tb.Helper()
	return startCluster(tb, 0, config)
}

// ReplicatedCluster starts a [Cluster] with a replica for each primary. The
// replica takes over if its primary is killed.
func ReplicatedCluster(tb testing.TB, config ...string) *ClusterInstance {
	tb.Helper()
	return startCluster(tb, 3, config)
}

// URL returns the value for pool.Config.URL. It contains the address of every
// primary.
func (c *ClusterInstance) URL() string {
	return fmt.Sprintf("%s?addr=%s&addr=%s", c.Primaries[0].URL(), c.Primaries[1].Addr(), c.Primaries[2].Addr())
}

// Nodes returns the primaries, followed by the replicas.
func (c *ClusterInstance) Nodes() []*Instance { return slices.Concat(c.Primaries, c.Replicas) }

func startCluster(tb testing.TB, replicas int, config []string) *ClusterInstance {
	tb.Helper()
	c := &ClusterInstance{}
	for range 3 {
		c.Primaries = append(c.Primaries, startNode(tb, config))
	}
	for range replicas {
		c.Replicas = append(c.Replicas, startNode(tb, config))
	}
	c.join(tb)
	return c
}

func startNode(tb testing.TB, config []string) *Instance {
	tb.Helper()
	return start(tb, func(port int) []string {
		return slices.Concat(dataLines(port), []string{
			"cluster-enabled yes",
			fmt.Sprintf("cluster-port %d", freePort(tb)), // the default, 10000 higher, may be in use
			"cluster-announce-ip 127.0.0.1",
			"cluster-node-timeout 2000",
			"cluster-replica-validity-factor 0", // a replica may take over even if its data is old
		}, config)
	})
}

func (c *ClusterInstance) join(tb testing.TB) {
	tb.Helper()
	nodes := c.Nodes()
	admins := make([]admin, len(nodes))
	for i, node := range nodes {
		admins[i] = node.admin(tb)
		admins[i].do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
	}
	for i := range c.Primaries {
		first, last := i*slots/3, (i+1)*slots/3-1
		admins[i].do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
	}
	for i, a := range admins {
		for _, other := range nodes[i+1:] {
			a.do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(other.port), other.setting("cluster-port"))
		}
	}
	c.await(tb, admins, func(a admin) bool { return a.knows(len(nodes), 0) })
	for i := range c.Replicas {
		admins[len(c.Primaries)+i].do("CLUSTER", "REPLICATE", admins[i].do("CLUSTER", "MYID"))
	}
	c.await(tb, admins, func(a admin) bool {
		return a.knows(len(nodes), len(c.Replicas)) &&
			strings.Contains(a.do("CLUSTER", "INFO"), "cluster_state:ok") &&
			!a.infoContains("master_link_status:down")
	})
}

// await waits until done returns true for every node.
func (c *ClusterInstance) await(tb testing.TB, admins []admin, done func(admin) bool) {
	tb.Helper()
	for i, a := range admins {
		if !waitFor(func() bool { return done(a) }) {
			tb.Fatalf("redistest: the cluster did not form; state of %s:\n%s\n%s",
				c.Nodes()[i].Addr(), a.do("CLUSTER", "NODES"), a.do("CLUSTER", "INFO"))
		}
	}
}

// knows reports whether a node is connected to this number of nodes, including
// itself, and whether this number of them are replicas.
func (a admin) knows(nodes, replicas int) bool {
	for line := range strings.Lines(a.do("CLUSTER", "NODES")) {
		// id, addresses, flags, primary, ping, pong, epoch, link state,
		// slots...
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[7] != "connected" || strings.Contains(fields[2], "handshake") {
			return false
		}
		nodes--
		if strings.Contains(fields[2], "slave") {
			replicas--
		}
	}
	return nodes == 0 && replicas == 0
}
