package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

// Many people write to two processes while their agents think, and one process
// is killed. Each message is answered once, in the order in which it was sent,
// and ordered once.
func TestProcessIsKilled(t *testing.T) {
	url := redistest.Server(t).URL()
	p, err := pool.Open(t.Context(), pool.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	survivor, victim := startProcess(t, url), startProcess(t, url)

	const each = 12 // messages of each person
	var writers []*writer
	for n := range 3 {
		tenant := fmt.Sprint("tenant", n)
		setQuiet(t, p, tenant, 30*time.Millisecond)
		for _, user := range []string{"alice", "bob", "carol", "dave"} {
			writers = append(writers, &writer{id: scope.Identity{Tenant: tenant, User: user}})
		}
	}
	var sent atomic.Int64
	half := make(chan struct{})
	var writing sync.WaitGroup
	for _, w := range writers {
		writing.Go(func() {
			for n := range each {
				w.write(t, n, survivor.url, victim.url)
				if sent.Add(1) == int64(each*len(writers)/2) {
					close(half)
				}
				w.pause(t, survivor.url)
			}
		})
	}
	select {
	case <-half:
	case <-ended(&writing):
	}
	require.NoError(t, victim.cmd.Process.Kill())
	_ = victim.cmd.Wait() // the error reports the signal
	writing.Wait()

	turns := int64(0)
	for _, w := range writers {
		turns += w.checkRecord(t, p, survivor.url)
	}
	t.Logf("%d messages were answered in %d turns", sent.Load(), turns)
}

func ended(group *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	return done
}

// writer is a person who sends one message after the other.
type writer struct {
	id   scope.Identity
	sent []sentMessage
}

// sentMessage is a message. If it was sent to a process that died, it may have
// been accepted or not.
type sentMessage struct {
	text, item string
	accepted   bool
}

// write sends a message to one of two processes. If that one is dead, it sends
// another message to the first one.
func (w *writer) write(t *testing.T, n int, survivor, victim string) {
	at := survivor
	if n%2 == 1 {
		at = victim
	}
	if !w.send(at, n) {
		if at == survivor || !w.send(survivor, n) {
			t.Error("the process that lives refused a message")
		}
	}
}

// pause waits, about every other time, until the agent has begun to answer. So
// some messages come while it waits for quiet, and others while it thinks.
func (w *writer) pause(t *testing.T, url string) {
	me := person{t, url, w.id}
	if rand.N(2) == 0 {
		me.await(func() bool { return me.look().Backlog.Waiting == 0 })
	}
}

func (w *writer) send(url string, n int) (accepted bool) {
	item := []string{"cup", "lamp", "chair"}[rand.N(3)]
	text := fmt.Sprintf("message %d.%d: a %s", n, len(w.sent), item)
	defer func() { w.sent = append(w.sent, sentMessage{text, item, accepted}) }()
	body, err := json.Marshal(Message{Text: text})
	if err != nil {
		return false
	}
	r, err := http.NewRequest(http.MethodPost, url+"/api/messages", strings.NewReader(string(body)))
	if err != nil {
		return false
	}
	r.Header.Set("X-Tenant", w.id.Tenant)
	r.Header.Set("X-User", w.id.User)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode == http.StatusOK
}

// checkRecord waits until no message waits, and compares what was sent with
// what was answered and ordered. It returns the number of turns.
func (w *writer) checkRecord(t *testing.T, p *pool.Pools, url string) int64 {
	t.Helper()
	me := person{t, url, w.id}
	me.await(func() bool { b := me.look().Backlog; return b.Waiting+b.Claimed == 0 })

	ctx, err := scope.Bind(t.Context(), w.id, newService(p, quick, measure(t)).bind...)
	require.NoError(t, err)
	at, _ := shops.From(ctx)
	conversation, err := at.conversations.Get(ctx, w.id.User)
	require.NoError(t, err)
	answered := make([]sentMessage, len(conversation.Answered))
	for turn, err := range at.turns.All(ctx) { // they have not expired yet
		require.NoError(t, err)
		for _, line := range turn.Value.Lines {
			if i := slices.Index(conversation.Answered, line.Message); i >= 0 {
				answered[i] = w.message(line.Text)
			}
		}
	}
	sent := slices.DeleteFunc(slices.Clone(w.sent), func(m sentMessage) bool {
		return !m.accepted && !slices.Contains(answered, m)
	})
	require.Equal(t, sent, answered, "sent and answered")

	orders := me.shipped(len(sent))
	for i, id := range conversation.Answered {
		require.Equal(t, []string{sent[i].item}, orders[id].Items)
		if i > 0 {
			before := orders[conversation.Answered[i-1]]
			require.False(t, orders[id].Placed.Before(before.Placed), "%v was ordered before %v", sent[i], sent[i-1])
		}
	}
	return conversation.Turns
}

func (w *writer) message(text string) sentMessage {
	return w.sent[slices.IndexFunc(w.sent, func(m sentMessage) bool { return m.text == text })]
}

// process is a process of the chat, in the binary of the tests.
type process struct {
	url string
	cmd *exec.Cmd
}

const processVariable = "CHAT_TEST_PROCESS"

func startProcess(t *testing.T, redis string) process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProcess$")
	cmd.Env = append(os.Environ(), processVariable+"=1", "REDIS_URL="+redis, "ADDR=127.0.0.1:0", "LEASE=1s", "THINK=150ms")
	stdin, err := cmd.StdinPipe() // it ends when this process does
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // the error reports the end of one that was killed
	})
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, url, found := strings.Cut(lines.Text(), "listening on "); found {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return process{url, cmd}
		}
	}
	require.Fail(t, "the process ended before it listened")
	return process{}
}

// The program runs on the embedded server, on a server of one's own, and on a
// cluster of three primaries and three replicas, from one URL.
func TestProgram(t *testing.T) {
	pooltest.Long(t)
	program := filepath.Join(t.TempDir(), "chat")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	for name, url := range map[string]string{
		"embedded": "", "server": redistest.Server(t).URL(), "cluster": redistest.ReplicatedCluster(t).URL(),
	} {
		t.Run(name, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), program)
			c.Env = append(os.Environ(), "REDIS_URL="+url, "ADDR=127.0.0.1:0")
			serves(t, c)
		})
	}
}

// serves starts a service, asks it how it is, and ends it as a terminal does.
func serves(t *testing.T, c *exec.Cmd) {
	t.Helper()
	log, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		_, url, found := strings.Cut(lines.Text(), "listening on ")
		if !found {
			continue
		}
		answer, err := http.Get(url + "/healthz")
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.NoError(t, c.Process.Signal(os.Interrupt))
	}
	require.NoError(t, c.Wait())
}

// TestProcess is not a test. A process runs it until its parent ends.
func TestProcess(t *testing.T) {
	if os.Getenv(processVariable) == "" {
		t.Skip("other tests run this in a child process")
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		cancel()
	}()
	require.NoError(t, run(ctx, os.Getenv))
}
