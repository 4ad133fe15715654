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
	Primaries []*Instance // each has a third of the slots, in order
	Replicas  []*Instance // of the primary at the same place; empty from Cluster
}

// Cluster starts three primaries and waits until each of them says that the
// cluster is complete. The config lines go to every node, as in [Server].
func Cluster(tb testing.TB, config ...string) *ClusterInstance {
	tb.Helper()
	return startCluster(tb, 0, config)
}

// ReplicatedCluster is a [Cluster] with a replica for each primary, which
// takes over when its primary is killed.
func ReplicatedCluster(tb testing.TB, config ...string) *ClusterInstance {
	tb.Helper()
	return startCluster(tb, 3, config)
}

// URL is what pool.Config.URL takes. It names every primary.
func (c *ClusterInstance) URL() string {
	one, two, three := c.Primaries[0], c.Primaries[1], c.Primaries[2]
	return fmt.Sprintf("%s?addr=%s&addr=%s", one.URL(), two.Addr(), three.Addr())
}

// Nodes are the primaries and after them the replicas.
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
		return slices.Concat(data(port), []string{
			"cluster-enabled yes",
			fmt.Sprintf("cluster-port %d", freePort(tb)), // the usual one, 10000 higher, may be taken
			"cluster-announce-ip 127.0.0.1",
			"cluster-node-timeout 2000",
			"cluster-replica-validity-factor 0", // a replica may take over however old its data
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
			!a.says("master_link_status:down")
	})
}

// await waits until every node says what it should.
func (c *ClusterInstance) await(tb testing.TB, admins []admin, settled func(admin) bool) {
	tb.Helper()
	for i, a := range admins {
		if !waitFor(func() bool { return settled(a) }) {
			tb.Fatalf("redistest: the cluster did not form; the last words of %s:\n%s\n%s",
				c.Nodes()[i].Addr(), a.do("CLUSTER", "NODES"), a.do("CLUSTER", "INFO"))
		}
	}
}

// knows reports whether a node has met so many nodes, itself included, and so
// many of them as replicas.
func (a admin) knows(nodes, replicas int) bool {
	for line := range strings.Lines(a.do("CLUSTER", "NODES")) {
		// <id> <addresses> <flags> <primary> <ping> <pong> <epoch> <link> <slots>...
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
