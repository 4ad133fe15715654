package symphony_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

func newTopic[T any](t *testing.T, p *pool.Pools, name string) *symphony.Topic[T] {
	t.Helper()
	topic, err := symphony.NewTopic[T](p, "acme", name)
	require.NoError(t, err)
	return topic
}

// publishUntilReceived publishes a value until a connection has received it.
func publishUntilReceived[T any](t *testing.T, topic *symphony.Topic[T], v T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if n, err := topic.Publish(ctx, v); err == nil && n > 0 {
			return
		}
	}
	t.Error("nobody received the message")
}

// All subscribers receive what is published after they have subscribed, in
// order, and nothing of other topics.
func TestTopic(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		// Connections of earlier tests may still be subscribed to usual names.
		news, other := newTopic[int](t, p, pooltest.UniqueTenant()), newTopic[int](t, p, "other")
		n, err := news.Publish(ctx, 0)
		require.NoError(t, err)
		require.Zero(t, n, "nobody listens")
		c, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		var subscribers sync.WaitGroup
		joined := make(chan struct{}, 3)
		for range cap(joined) {
			subscribers.Go(func() {
				last := -1 // no message yet
				for v, err := range news.Subscribe(c) {
					if err != nil || v != 0 && v != last+1 {
						t.Errorf("%d after %d: %v", v, last, err)
						return
					}
					if last < 0 {
						joined <- struct{}{}
					}
					if last = v; last == 100 {
						return
					}
				}
			})
		}
		require.Eventually(t, func() bool {
			publishUntilReceived(t, news, 0)
			return len(joined) == cap(joined)
		}, time.Minute, time.Millisecond)
		_, err = other.Publish(ctx, 7)
		require.NoError(t, err)
		for i := 1; i <= 100; i++ {
			_, err = news.Publish(ctx, i)
			require.NoError(t, err)
		}
		subscribers.Wait()
	})
}

// A subscriber that is too slow learns how many messages it missed, and goes on
// with the newest.
func TestTopicLag(t *testing.T) {
	p := pooltest.Embedded(t)
	topic := newTopic[int](t, p, "news")
	marker := newTopic[int](t, p, "marker")
	var got []string
	total := 0
	c, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	started := make(chan struct{})
	go func() {
		for range marker.Subscribe(c) {
			close(started)
			return
		}
	}()
	publishUntilReceived(t, marker, 1)
	<-started
	go publishUntilReceived(t, topic, 0)
	for v, err := range topic.Subscribe(c) {
		switch {
		case err != nil:
			var lag *symphony.LagError
			require.ErrorAs(t, err, &lag)
			require.ErrorIs(t, err, symphony.ErrLagged)
			got = append(got, "lagged")
			total += int(lag.Missed)
		case v == 0:
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range marker.Subscribe(c) {
					return
				}
			}()
			for i := 1; i <= 1500; i++ {
				_, err := topic.Publish(ctx, i)
				require.NoError(t, err)
			}
			publishUntilReceived(t, marker, 1)
			<-done // the messages before it have arrived
		default:
			if len(got) < 2 {
				got = append(got, fmt.Sprint(v))
			}
			total++
		}
		if v == 1500 {
			break
		}
	}
	require.Equal(t, []string{"lagged", "501"}, got)
	require.Equal(t, 1500, total)
}

func TestTopicErrors(t *testing.T) {
	p := pooltest.Embedded(t)
	_, err := symphony.NewTopic[int](p, "acme", "")
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	_, err = symphony.NewTopic[int](p, "", "news")
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	_, err = symphony.NewTopic[chan int](p, "acme", "news")
	require.ErrorIs(t, err, symphony.ErrInvalidSchema)
	for _, opt := range []symphony.Option{
		symphony.TTL(time.Hour), symphony.NoTTL(), symphony.KeepTTL(), symphony.IfExists(), symphony.IfAbsent(), symphony.ReadReplicas(), symphony.KeepLast(1),
	} {
		_, err = symphony.NewTopic[int](p, "acme", "news", opt)
		require.ErrorIs(t, err, symphony.ErrUnsupported)
	}

	texts, numbers := newTopic[string](t, p, "news"), newTopic[int](t, p, "news")
	go func() {
		for _, text := range []string{"x", "2"} {
			publishUntilReceived(t, texts, text)
		}
	}()
	var decode *codec.DecodeError
	for v, err := range numbers.Subscribe(ctx) {
		if err != nil {
			require.ErrorAs(t, err, &decode)
			continue
		}
		require.Equal(t, 2, v)
		break
	}
	require.NotNil(t, decode)

	c, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range numbers.Subscribe(c) {
		require.ErrorIs(t, err, context.Canceled)
	}
	done := make(chan error)
	go func() {
		for _, err := range numbers.Subscribe(ctx) {
			done <- err
		}
		close(done)
	}()
	requireSubscribed(t, p, "")
	p.Close()
	require.ErrorIs(t, <-done, symphony.ErrClosed)
	_, open := <-done
	require.False(t, open)
}

// A subscriber learns that messages were missed while there was no connection.
func TestTopicAfterARestart(t *testing.T) {
	server := redistest.Server(t)
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: time.Minute})
	topic := newTopic[int](t, p, "news")
	received := make(chan struct{})
	go func() {
		publishUntilReceived(t, topic, 1)
		<-received
		server.Kill()
		server.Restart(t)
		publishUntilReceived(t, topic, 2)
	}()
	var got []string
	for v, err := range topic.Subscribe(ctx) {
		if err != nil {
			require.ErrorIs(t, err, symphony.ErrLagged)
			var lag *symphony.LagError
			require.ErrorAs(t, err, &lag)
			require.Zero(t, lag.Missed)
		}
		if got = append(got, fmt.Sprint(v, err != nil)); v == 2 {
			break
		}
		if v == 1 {
			close(received)
		}
	}
	require.Equal(t, []string{"1 false", "0 true", "2 false"}, got)
}

// If the server refuses the subscription, the loop says so and ends.
func TestTopicWithoutPermission(t *testing.T) {
	server := redistest.Server(t)
	admin := server.Client(t, 0)
	require.NoError(t, admin.Do(ctx, admin.B().Arbitrary("ACL", "SETUSER", "limited", "on", ">secret", "~*", "+@all", "resetchannels", "&acme:topic:open").Build()).Error())
	p := pooltest.Redis(t, pool.Config{URL: "redis://limited:secret@" + server.Addr(), Timeout: time.Minute})
	for range 2 {
		for _, err := range newTopic[int](t, p, "closed").Subscribe(ctx) {
			require.ErrorIs(t, err, symphony.ErrNoPermission)
		}
	}
	allowed := newTopic[int](t, p, "open")
	go publishUntilReceived(t, allowed, 1)
	for v, err := range allowed.Subscribe(ctx) {
		require.NoError(t, err)
		require.Equal(t, 1, v)
		break
	}
	f := newFeed[int](t, p)
	go func() { _, _ = f.Append(ctx, "a1", 1, 2) }()
	entries, err := follow(t, f, "a1", "", 2)
	require.NoError(t, err, "a follower needs no permission for a channel")
	require.Equal(t, []int{1, 2}, values(entries))
}
