package pooltest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Main runs the tests of a package, and stops the cluster of [Each]. A package
// that uses Each must contain:
//
//	func TestMain(m *testing.M) { pooltest.Main(m) }
func Main(m *testing.M) {
	shared.managed = true
	code := m.Run()
	if !shared.stop() {
		code = max(code, 1)
	}
	os.Exit(code)
}

// shared is the cluster on which the tests of this process run.
var shared sharedCluster

// sharedCluster is a cluster of three primaries and three replicas. The first
// test that needs it starts it, and [Main] stops it.
type sharedCluster struct {
	managed bool // whether Main runs

	mu        sync.Mutex // held by the test that uses the cluster
	tb        processTB
	instance  *redistest.ClusterInstance // nil before the start
	primaries []rueidis.Client
}

// open waits until no other test uses the cluster, deletes all keys, and opens
// pools with the layout l, or with that of a cluster if l is zero. They belong
// to the test until it ends.
func (s *sharedCluster) open(t *testing.T, l keyspace.Layout) *pool.Pools {
	t.Helper()
	s.mu.Lock()
	t.Cleanup(func() { // runs after the pools are closed
		s.tb.failed = s.tb.failed || t.Failed()
		s.mu.Unlock()
	})
	if s.instance == nil {
		s.start(t)
	}
	for _, primary := range s.primaries {
		require.NoError(t, primary.Do(t.Context(), primary.B().Flushall().Sync().Build()).Error())
	}
	return Redis(t, pool.Config{URL: s.instance.URL(), Timeout: longTimeout, Layout: l})
}

func (s *sharedCluster) start(t *testing.T) {
	t.Helper()
	s.tb.TB = t
	defer func() { s.tb.TB = nil }()
	instance := redistest.ReplicatedCluster(&s.tb)
	for _, primary := range instance.Primaries {
		s.primaries = append(s.primaries, primary.Client(&s.tb, 0))
	}
	s.instance = instance
}

// stop stops the cluster, if it was started, and reports whether this
// succeeded.
func (s *sharedCluster) stop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cleanup := range slices.Backward(s.tb.cleanups) {
		cleanup()
	}
	return !s.tb.stopFailed
}

// processTB is a testing.TB for servers that outlive the test that starts them.
// Its cleanup functions run when the process ends.
type processTB struct {
	testing.TB // the test that starts the servers; nil after the start

	cleanups   []func()
	failed     bool // whether a test failed that used the servers
	stopFailed bool
}

func (b *processTB) Name() string             { return "the shared cluster" }
func (b *processTB) Context() context.Context { return context.Background() }
func (b *processTB) Helper()                  {}
func (b *processTB) Cleanup(f func())         { b.cleanups = append(b.cleanups, f) }
func (b *processTB) Failed() bool             { return b.failed }

func (b *processTB) Logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func (b *processTB) Errorf(format string, args ...any) {
	b.Logf(format, args...)
	b.stopFailed = true
}
