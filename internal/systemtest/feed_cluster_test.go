package systemtest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Followers and subscribers of a cluster stay subscribed while the slot of
// their channel migrates and while its primary fails, and followers miss
// nothing.
func TestFollowInACluster(t *testing.T) {
	pooltest.Long(t)
	c := redistest.ReplicatedCluster(t)
	p := pooltest.Redis(t, pool.Config{URL: c.URL(), Timeout: 30 * time.Second})
	f, err := symphony.NewFeed[int](p, "acme", "answers")
	require.NoError(t, err)
	const key = "pubsub:acme:feed:answers:a1"
	channel, slot := keyspace.Beside("feed", key), keyspace.Slot(key)
	owner := int(slot) * 3 / keyspace.Slots

	got, subscribed := make(chan int, 1000), make(chan int, 1000)
	go func() {
		defer close(got)
		for e, err := range f.Follow(ctx, "a1", "") {
			if err == nil {
				got <- e.Value
			}
		}
	}()
	next := 0
	appendNext := func() {
		t.Helper()
		requireEventually(t, func() bool {
			// An append that failed may have been applied.
			n, err := f.Len(ctx, "a1")
			if err == nil && int(n) == next {
				_, err = f.Append(ctx, "a1", next)
			}
			return err == nil
		}, "nothing can be appended")
		require.Equal(t, next, <-got)
		next++
	}
	requireSubscribedOn := func(node *redistest.Instance) {
		t.Helper()
		client := node.Client(t, 0)
		requireEventually(t, func() bool {
			channels, err := client.Do(ctx, client.B().Arbitrary("PUBSUB", "SHARDCHANNELS").Build()).AsStrSlice()
			return err == nil && slices.Contains(channels, channel)
		}, "the follower is not subscribed on the node that serves its slot")
	}
	appendNext()
	requireSubscribedOn(c.Primaries[owner])

	moved := (owner + 1) % 3
	m := c.MigrateSlot(t, slot, moved)
	appendNext()
	m.Finish()
	appendNext()
	requireSubscribedOn(c.Primaries[moved])
	appendNext()

	topic, err := symphony.NewTopic[int](p, "acme", topicIn(t, moved, slot))
	require.NoError(t, err)
	go func() {
		for v, err := range topic.Subscribe(ctx) {
			if err != nil {
				v = -1
			}
			subscribed <- v
		}
	}()
	publish := func(v int) {
		t.Helper()
		requireEventually(t, func() bool { n, err := topic.Publish(ctx, v); return err == nil && n > 0 }, "nobody receives")
	}
	publish(1)
	require.Equal(t, 1, <-subscribed)

	replica := c.Replicas[moved]
	redistest.WaitForReplica(t, c.Primaries[moved], replica)
	c.Primaries[moved].Kill()
	requireEventually(t, replica.IsPrimary, "there was no failover")
	appendNext()
	requireSubscribedOn(replica)
	appendNext()
	publish(2)
	require.Equal(t, -1, <-subscribed, "the subscriber learns that messages were missed")
	require.Equal(t, 2, <-subscribed)
	requireEventually(t, func() bool { return f.End(ctx, "a1") == nil }, "the feed cannot be ended")
	_, open := <-got
	require.False(t, open)
}

// topicIn returns the name of a topic that the primary of a migrated slot
// serves too.
func topicIn(t *testing.T, primary int, migrated uint16) string {
	t.Helper()
	for i := 'a'; ; i++ {
		slot := keyspace.Slot("pubsub:acme:topic:" + string(i))
		if int(slot)*3/keyspace.Slots == primary && slot != migrated {
			return string(i)
		}
	}
}
