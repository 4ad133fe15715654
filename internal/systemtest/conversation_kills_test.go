package systemtest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// The messages of a conversation are handled one chunk at a time and in their
// order, and none is lost, although workers and the server are killed and
// handlers fail. This is the short form of TestSoakConversations.
func TestConversationsStayInOrder(t *testing.T) {
	conversationTest{messages: 1500, conversations: 60, betweenKills: 150 * time.Millisecond, restarts: 2, lease: time.Second}.run(t)
}

// TestSoakConversations is the long form of TestConversationsStayInOrder; `make
// soak` runs it.
func TestSoakConversations(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	conversationTest{messages: 100_000, conversations: 2000, betweenKills: 300 * time.Millisecond, restarts: 1 << 20, swept: true, lease: 3 * time.Second}.run(t)
}

// A producer that is killed while it enqueues leaves the messages that it sent
// in order, and loses none that was acknowledged. No message waits for ever
// because a producer is killed while a queue is quiet.
func TestProducersAreKilled(t *testing.T) {
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 2 * time.Second})
	path := filepath.Join(t.TempDir(), "handlers")
	log := openHandlerLog(t, path, "parent")
	const conversations, lease = 20, time.Second
	killed := killer{server: server, pause: 250 * time.Millisecond, restarts: 2}
	for i, chunk := range []int{1, 20} {
		killed.processes = append(killed.processes, &childProcess{
			t: t, test: "TestConversationProcess", number: i, log: log,
			setting: conversationSetting{URL: server.URL(), Log: path, Chunk: chunk, Lease: lease},
		})
	}
	kills := 0
	produce := func() {
		var producers []*childProcess
		for i := range 2 {
			producers = append(producers, &childProcess{
				t: t, test: "TestProducerProcess", number: 10 + i,
				setting: producerSetting{URL: server.URL(), Log: path, First: i * conversations / 2, Conversations: conversations / 2},
			})
			producers[i].start()
		}
		// A busy machine needs longer until each producer has sent something.
		sent := func() bool { return len(readHistory(t, path).sent) == conversations }
		for begun := time.Now(); time.Since(begun) < 2*time.Second || !sent() && time.Since(begun) < time.Minute; kills++ {
			for end := time.Now().Add(rand.N(300 * time.Millisecond)); time.Now().Before(end); time.Sleep(time.Millisecond) {
			}
			c := producers[rand.N(len(producers))]
			c.kill()
			c.start()
		}
		for _, c := range producers {
			c.kill()
		}
	}
	workerKills, restarts := killed.run(t, produce, func() bool { return drained(p, conversations, conversation) })
	requireNothingLeft(t, p, conversationService)
	sent := readHistory(t, path).sent
	require.Len(t, sent, conversations)
	t.Logf("%d kills of producers, %d of workers, %d of the server; %s", kills, workerKills, restarts, requireInOrder(t, path, sent))
}

// producerSetting is the setting of TestProducerProcess. Log is the name of a
// handlerLog.
type producerSetting struct {
	URL, Log             string
	First, Conversations int
}

// TestProducerProcess is not a test. It is a childProcess that enqueues
// messages until it is killed. It numbers them by the time, so that the numbers
// go up over its starts.
func TestProducerProcess(t *testing.T) {
	alive, setting, name := childSetting[producerSetting](t)
	log := openHandlerLog(t, setting.Log, name)
	p := openWhenReady(alive, setting.URL)
	var producers sync.WaitGroup
	for n := setting.First; n < setting.First+setting.Conversations; n++ {
		producers.Go(func() {
			tenant, q := conversation(n)
			opts := []symphony.Option{symphony.Serial()}
			if n%2 == 0 {
				opts = append(opts, symphony.Quiet(10*time.Millisecond, 40*time.Millisecond))
			}
			b, err := symphony.NewBatch[int](p, tenant, opts...)
			if err != nil {
				t.Error(err)
				return
			}
			for alive.Err() == nil {
				if n%2 == 0 && rand.N(2) == 0 {
					_ = b.PutOff(alive, q) // if no message waits, it returns an error
				}
				number := int(time.Now().UnixNano())
				if _, err := b.Enqueue(alive, q, number); err == nil {
					if err := log.write(note{What: noteSent, Subject: q.Entity, Items: []notedItem{{N: number}}}); err != nil {
						t.Error(err)
						return
					}
				}
				for end := time.Now().Add(rand.N(30 * time.Millisecond)); time.Now().Before(end); time.Sleep(time.Millisecond) {
				}
			}
		})
	}
	producers.Wait()
}

// conversationTest works on conversations, each of which is a serial queue, in
// 4 processes while it kills the processes and restarts the server.
type conversationTest struct {
	messages, conversations int
	betweenKills            time.Duration
	restarts                int  // the most restarts of the server
	swept                   bool // whether to wait until no tenant is pending
	lease                   time.Duration
}

const conversationService = "conversations"

// conversation returns the queue of the n-th conversation.
func conversation(n int) (tenant string, q symphony.Queue) {
	return fmt.Sprint("tenant", n%7), symphony.Queue{Service: conversationService, Entity: fmt.Sprint(n), Action: "inbox"}
}

func (c conversationTest) run(t *testing.T) {
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 2 * time.Second})
	path := filepath.Join(t.TempDir(), "handlers")
	killed := killer{server: server, pause: c.betweenKills, restarts: c.restarts}
	for i, chunk := range []int{1, 3, 10, 100} {
		killed.processes = append(killed.processes, &childProcess{
			t: t, test: "TestConversationProcess", number: i, log: openHandlerLog(t, path, "parent"),
			setting: conversationSetting{URL: server.URL(), Log: path, Chunk: chunk, Lease: c.lease},
		})
	}
	var acknowledged [][]int
	kills, restarts := killed.run(t, func() { acknowledged = c.produce(t, p) },
		func() bool {
			return drained(p, c.conversations, conversation) && (!c.swept || nonePending(p, conversationService))
		})

	requireNothingLeft(t, p, conversationService)
	messages := 0
	numbers := map[string][]int{}
	for n, sent := range acknowledged {
		_, q := conversation(n)
		numbers[q.Entity] = sent
		messages += len(sent)
	}
	result := requireInOrder(t, path, numbers)
	t.Logf("%d messages acknowledged in %d conversations; %d kills of workers, %d of the server; %s", messages, c.conversations, kills, restarts, result)
}

// requireInOrder requires that handlers did all the messages, by conversation,
// in their order and one handler of a conversation at a time. It returns the
// numbers of what it found.
func requireInOrder(t *testing.T, log string, messages map[string][]int) string {
	t.Helper()
	h := readHistory(t, log)
	var lost []string
	for subject, numbers := range messages {
		for _, number := range numbers {
			if !slices.ContainsFunc(h.runs[subject], func(r *handlerRun) bool { return r.did(number) }) {
				lost = append(lost, fmt.Sprintf("%s: %d", subject, number))
			}
		}
	}
	repeats, bad := h.repeats()
	overtaken := h.overtaken()
	requireNone(t, "acknowledged messages were not done", lost)
	requireNone(t, "handlers overlapped", h.overlaps)
	requireNone(t, "messages were overtaken", overtaken)
	requireNone(t, "redeliveries had no higher attempt", bad)
	return fmt.Sprintf("%d lost, %d overlaps (%d more of paused processes), %d out of order, %d redeliveries", len(lost), len(h.overlaps), h.paused, len(overtaken), repeats)
}

// produce enqueues the messages, which are numbered in each conversation, and
// returns the numbers that Redis acknowledged, by conversation.
func (c conversationTest) produce(t *testing.T, p *pool.Pools) [][]int {
	acknowledged := make([][]int, c.conversations)
	var producers sync.WaitGroup
	const count = 20
	for producer := range count {
		producers.Go(func() {
			var mine []int // the conversations of this producer that go on
			for n := producer; n < c.conversations; n += count {
				mine = append(mine, n)
			}
			number := 0 // a number is not sent again, since it may have been applied
			for len(mine) > 0 {
				i := rand.N(len(mine))
				n := mine[i]
				tenant, q := conversation(n)
				b, err := symphony.NewBatch[int](p, tenant, symphony.Serial())
				if err != nil {
					t.Error(err)
					return
				}
				var numbers []int
				for range 1 + rand.N(5)/4 {
					number++
					numbers = append(numbers, number)
				}
				if _, err = b.Enqueue(ctx, q, numbers...); err != nil {
					continue
				}
				if acknowledged[n] = append(acknowledged[n], numbers...); len(acknowledged[n]) >= c.messages/c.conversations {
					mine = slices.Delete(mine, i, i+1)
				}
			}
		})
	}
	producers.Wait()
	return acknowledged
}

// conversationSetting is the setting of TestConversationProcess. Log is the
// name of a handlerLog.
type conversationSetting struct {
	URL, Log string
	Chunk    int
	Lease    time.Duration
}

// TestConversationProcess is not a test. It is a childProcess that works on
// conversations.
func TestConversationProcess(t *testing.T) {
	alive, setting, name := childSetting[conversationSetting](t)
	w := conversationWorker{log: openHandlerLog(t, setting.Log, name), chunk: setting.Chunk, lease: setting.Lease, leaves: someOf}
	require.NoError(t, w.run(alive, openWhenReady(alive, setting.URL)))
}

// conversationWorker runs workers that note what they do.
type conversationWorker struct {
	log         *handlerLog
	chunk       int
	lease       time.Duration
	maxAttempts int                               // 0 for a million
	leaves      func(items []notedItem) (n []int) // which items a handler does not do
}

func (w conversationWorker) run(ctx context.Context, p *pool.Pools, opts ...symphony.Option) error {
	return symphony.WorkBatches(ctx, p, conversationService, w.handle, symphony.WorkConfig{
		Workers: 8, ChunkSize: w.chunk, Lease: w.lease, StopTimeout: time.Millisecond, MaxAttempts: cmp.Or(w.maxAttempts, 1_000_000),
		Backoff: func(int, error) time.Duration { return 5 * time.Millisecond }, OnError: func(*symphony.WorkError) {},
	}, opts...)
}

// handle is the handler. It returns Undone if it leaves some of the items, and
// another error if it leaves all of them.
func (w conversationWorker) handle(ctx context.Context, _ string, q symphony.Queue, items []listrepo.Item[int]) error {
	noted := make([]notedItem, len(items))
	for i, item := range items {
		noted[i] = notedItem{item.Value, item.ID, item.Attempt}
	}
	left, err := w.log.run(ctx, q.Entity, noted, handlerTime(w.lease), w.lease, func() []int { return w.leaves(noted) })
	failed := errHandlerFailed
	if rand.N(2) == 0 {
		failed = expiry.RetryAfter(rand.N(5*time.Millisecond), failed)
	}
	switch {
	case err != nil:
		return err
	case len(left) == 0:
		return nil
	case len(left) == len(items):
		return failed
	}
	return listrepo.Undone(failed, slices.DeleteFunc(items, func(item listrepo.Item[int]) bool { return !slices.Contains(left, item.Value) })...)
}
