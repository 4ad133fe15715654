package symphony_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// newSealed returns a codec that seals, with a key of one byte.
func newSealed(t testing.TB, key byte) codec.Codec {
	t.Helper()
	ring, err := codec.NewKeyRing("k", map[string][]byte{"k": bytes.Repeat([]byte{key}, 32)})
	require.NoError(t, err)
	return codec.Sealed(codec.Compact, ring)
}

const secret = "078-05-1120"

// requireNoSecret requires that no key of a pool holds the secret, and that
// there is one.
func requireNoSecret(t *testing.T, p *pool.Pools, a pool.Alias) {
	t.Helper()
	keys := pooltest.Keys(t, p, a)
	require.NotEmpty(t, keys)
	for _, key := range keys {
		for _, text := range textsOf(t, p, a, strings.TrimPrefix(key, p.Prefix(a))) {
			require.NotContains(t, text, secret[:6], key)
		}
	}
}

// textsOf returns the texts that a key holds.
func textsOf(t *testing.T, p *pool.Pools, a pool.Alias, key string) []string {
	t.Helper()
	kind, err := pooltest.Do(t, p, a, "TYPE", key).ToString()
	require.NoError(t, err)
	if kind == "none" {
		return nil // it is gone
	}
	read, ok := map[string][]string{
		"string": {"GET", key}, "hash": {"HGETALL", key}, "list": {"LRANGE", key, "0", "-1"}, "set": {"SMEMBERS", key},
		"zset": {"ZRANGE", key, "0", "-1"}, "stream": {"XRANGE", key, "-", "+"},
	}[kind]
	require.True(t, ok, kind)
	reply, err := pooltest.Do(t, p, a, read...).ToMessage()
	require.NoError(t, err)
	return []string{reply.String()}
}

type account struct {
	Name string `redis:"name"`
	SSN  string `redis:"ssn"`
}

// Each repository of records seals, and its records do not open in another
// tenant or with other keys.
func TestSealedRepositories(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	sealed := symphony.Codec(newSealed(t, 1))
	want := account{"Ada", secret}

	users, err := symphony.NewUser[account](p, "acme", sealed)
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u", want))
	got, err := users.Get(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, want, got)
	requireNoSecret(t, p, pool.User)

	rows, err := symphony.NewTable[account](p, "acme", "accounts", sealed)
	require.NoError(t, err)
	require.NoError(t, rows.Upsert(ctx, "r", want))
	got, err = rows.Get(ctx, "r")
	require.NoError(t, err)
	require.Equal(t, want, got)
	requireNoSecret(t, p, pool.Handlers)

	states, err := symphony.NewStateHandler[account](p, "acme", "chat", sealed)
	require.NoError(t, err)
	merged, err := states.Merge(ctx, "u", hashrepo.At[account]("ssn").Set(secret), hashrepo.At[account]("name").Set("Ada"))
	require.NoError(t, err)
	require.Equal(t, want, merged)
	requireNoSecret(t, p, pool.Handlers)

	shared, err := symphony.NewSharedState(p, "acme", "u", sealed)
	require.NoError(t, err)
	require.NoError(t, shared.Upsert(ctx, "form", symphony.Fields{"ssn": secret, "n": 12, "list": []string{"a"}}))
	values, err := shared.Get(ctx, "form")
	require.NoError(t, err)
	plain, err := values.Map()
	require.NoError(t, err)
	require.Equal(t, map[string]any{"ssn": secret, "n": int64(12), "list": []any{"a"}}, plain)
	require.NoError(t, shared.UpdateField(ctx, "form", "n", 13))
	var n int
	require.NoError(t, shared.GetField(ctx, "form", "n", &n))
	require.Equal(t, 13, n)
	requireNoSecret(t, p, pool.SharedState)

	generic, err := symphony.NewGeneric[string](p, "acme", sealed)
	require.NoError(t, err)
	require.NoError(t, generic.Set(ctx, "ssn", secret))
	text, err := generic.Get(ctx, "ssn")
	require.NoError(t, err)
	require.Equal(t, secret, text)
	requireNoSecret(t, p, pool.Default)

	for _, stranger := range []struct {
		tenant string
		codec  codec.Codec
	}{{"acme", newSealed(t, 2)}, {"other", newSealed(t, 1)}} {
		users, err := symphony.NewUser[account](p, stranger.tenant, symphony.Codec(stranger.codec))
		require.NoError(t, err)
		if stranger.tenant == "other" {
			require.NoError(t, pooltest.Do(t, p, pool.User, "COPY", "acme:user:u", "other:user:u").Error())
		}
		_, err = users.Get(ctx, "u")
		require.ErrorIs(t, err, codec.ErrCannotOpen)
		require.NotContains(t, err.Error(), secret)
	}
}

// Items of a queue are sealed through all of its states, and bound to it.
func TestSealedQueue(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		sealed := newSealed(t, 1)
		batch, err := symphony.NewBatch[string](p, tenant, symphony.Codec(sealed))
		require.NoError(t, err)
		q := symphony.Queue{Service: "mail", Entity: "letter", Action: "send"}
		_, err = batch.Enqueue(ctx, q, secret, secret+"b", secret+"c")
		require.NoError(t, err)
		chunk, err := batch.Chunk(ctx, q, 0, -1)
		require.NoError(t, err)
		require.Equal(t, []string{secret, secret + "b", secret + "c"}, chunk)
		claim, err := batch.Claim(ctx, q, 2, time.Minute)
		require.NoError(t, err)
		require.Len(t, claim.Items, 2)
		require.Equal(t, secret, claim.Items[0].Value)
		for held, err := range batch.Claimed(ctx, q) {
			require.NoError(t, err)
			require.Contains(t, held.Value, secret)
		}
		requireNoSecret(t, p, pool.Handlers)
		require.NoError(t, claim.Ack(ctx, claim.Items[0]))
		require.NoError(t, claim.Release(ctx))
		claim, err = batch.Claim(ctx, q, 1, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []string{secret + "b"}, []string{claim.Items[0].Value})
		require.NoError(t, claim.Fail(ctx, symphony.GiveUp(context.Canceled), claim.Items...))
		var dead []string
		for d, err := range batch.Dead(ctx, q) {
			require.NoError(t, err)
			dead = append(dead, d.Value)
			_, err = batch.Retry(ctx, q, d.ID)
			require.NoError(t, err)
		}
		require.Equal(t, []string{secret + "b"}, dead)
		requireNoSecret(t, p, pool.Handlers)
		claim, err = batch.Claim(ctx, q, 9, time.Minute)
		require.NoError(t, err)
		require.Len(t, claim.Items, 2)
		require.NoError(t, claim.Ack(ctx))
	})
}

// An item of another queue does not open, and becomes a dead letter. If the
// keys cannot be read, nothing is claimed.
func TestSealedItemsAreBound(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	ring := codec.NewTenantKeys()
	require.NoError(t, ring.Set("acme", "1", map[string][]byte{"1": bytes.Repeat([]byte{1}, 32)}))
	batch, err := symphony.NewBatch[string](p, "acme", symphony.Codec(codec.Sealed(codec.Compact, ring)))
	require.NoError(t, err)
	from := symphony.Queue{Service: "mail", Entity: "letter", Action: "send"}
	to := symphony.Queue{Service: "mail", Entity: "letter", Action: "burn"}
	_, err = batch.Enqueue(ctx, from, secret)
	require.NoError(t, err)
	require.NoError(t, pooltest.Do(t, p, pool.Handlers, "COPY", "acme:batch:mail:letter:send", "acme:batch:mail:letter:burn").Error())
	claim, err := batch.Claim(ctx, to, 1, time.Minute)
	require.ErrorIs(t, err, codec.ErrCannotOpen)
	require.Empty(t, claim.Items)
	n := 0
	for d, err := range batch.Dead(ctx, to) {
		require.ErrorIs(t, err, codec.ErrCannotOpen)
		require.True(t, strings.HasPrefix(string(d.Raw), "\xc1seal\x01"))
		n++
	}
	require.Equal(t, 1, n)

	ring.Forget("acme")
	pooltest.RequireNothingSent(t, p, codec.ErrKeyForgotten, func() error { _, err := batch.Claim(ctx, from, 1, time.Minute); return err })
	require.NoError(t, ring.Set("acme", "1", map[string][]byte{"1": bytes.Repeat([]byte{1}, 32)}))
	claim, err = batch.Claim(ctx, from, 1, time.Minute)
	require.NoError(t, err)
	require.Equal(t, secret, claim.Items[0].Value)
}

// Entries of feeds and messages of topics are sealed.
func TestSealedFeedAndTopic(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	sealed := symphony.Codec(newSealed(t, 1))
	feed := newFeed[string](t, p, sealed)
	_, err := feed.Append(ctx, "a", secret)
	require.NoError(t, err)
	entries, err := feed.Read(ctx, "a", "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{secret}, values(entries))
	requireNoSecret(t, p, pool.PubSub)

	topic, err := symphony.NewTopic[string](p, "acme", "news", sealed)
	require.NoError(t, err)
	stranger, err := symphony.NewTopic[string](p, "acme", "news", symphony.Codec(newSealed(t, 2)))
	require.NoError(t, err)
	running, stop := context.WithCancel(ctx)
	defer stop()
	got, refused := make(chan string, 100), make(chan error, 100)
	go func() {
		for v, err := range topic.Subscribe(running) {
			if err == nil {
				got <- v
			}
		}
	}()
	go func() {
		for _, err := range stranger.Subscribe(running) {
			refused <- err
		}
	}()
	requireEventually(t, func() bool {
		_, err := topic.Publish(ctx, secret)
		return err == nil && len(got) > 0 && len(refused) > 0
	})
	require.Equal(t, secret, <-got)
	require.ErrorIs(t, <-refused, codec.ErrCannotOpen)
}

// The payload of a trigger is sealed until its handler decodes it, and opens
// for no other trigger.
func TestSealedPayload(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		sealed := newSealed(t, 1)
		tenant := pooltest.UniqueTenant()
		triggers, err := symphony.NewTrigger(p, tenant, symphony.Codec(sealed))
		require.NoError(t, err)
		require.NoError(t, triggers.SetPayload(ctx, "send", "1", secret, 0))
		require.NoError(t, triggers.SetPayload(ctx, "send", "2", secret, time.Hour))
		plain, err := symphony.NewTrigger(p, tenant)
		require.NoError(t, err)
		require.NoError(t, plain.SetPayload(ctx, "send", "3", "plain", 0))
		for e, err := range triggers.List(ctx) {
			require.NoError(t, err)
			if e.Event.ID == "3" {
				continue
			}
			var got string
			require.NoError(t, e.Event.Decode(&got))
			require.Equal(t, secret, got)
			stranger := e.Event
			stranger.ID = "4"
			require.ErrorIs(t, stranger.Decode(&got), codec.ErrCannotOpen)
			stranger = e.Event
			stranger.Tenant = "other"
			require.ErrorIs(t, stranger.Decode(&got), codec.ErrCannotOpen)
		}
		requireNoSecret(t, p, pool.Expiry)

		registry := expiry.NewRegistry()
		decoded := make(chan error, 2)
		require.NoError(t, registry.On("send", func(_ context.Context, e expiry.Event) error {
			var got string
			err := e.Decode(&got)
			if e.ID == "1" {
				require.Equal(t, secret, got)
			}
			decoded <- err
			return nil
		}))
		listener, err := expiry.NewListener(p, registry, expiry.Config{Codec: sealed})
		require.NoError(t, err)
		running, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- listener.Run(running) }()
		errs := []error{<-decoded, <-decoded}
		stop()
		require.NoError(t, <-done)
		require.Contains(t, errs, error(nil))
		refused := errs[0]
		if refused == nil {
			refused = errs[1]
		}
		require.ErrorIs(t, refused, codec.ErrNotSealed)
	})
	_, err := expiry.NewListener(pooltest.Redis(t, pool.Config{}), expiry.NewRegistry(), expiry.Config{Codec: codec.Sealed(nil, nil)})
	require.ErrorContains(t, err, "codec.Sealed")
}

// An exported tenant opens after the import into another layout.
func TestSealedExport(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	sealed := symphony.Codec(newSealed(t, 1))
	users, err := symphony.NewUser[account](p, "acme", sealed)
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u", account{"Ada", secret}))
	triggers, err := symphony.NewTrigger(p, "acme", sealed)
	require.NoError(t, err)
	require.NoError(t, triggers.SetPayload(ctx, "send", "1", secret, time.Hour))
	batch, err := symphony.NewBatch[string](p, "acme", sealed)
	require.NoError(t, err)
	q := symphony.Queue{Service: "mail", Entity: "letter", Action: "send"}
	_, err = batch.Enqueue(ctx, q, secret)
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, symphony.Export(ctx, p, "acme", &file))
	require.NotContains(t, file.String(), secret)

	other := pooltest.Redis(t, pool.Config{Layout: keyspace.ClusterByTenant(), PrefixKeys: true})
	require.NoError(t, symphony.Import(ctx, other, &file))
	users, err = symphony.NewUser[account](other, "acme", sealed)
	require.NoError(t, err)
	got, err := users.Get(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, secret, got.SSN)
	batch, err = symphony.NewBatch[string](other, "acme", sealed)
	require.NoError(t, err)
	chunk, err := batch.Chunk(ctx, q, 0, -1)
	require.NoError(t, err)
	require.Equal(t, []string{secret}, chunk)
	triggers, err = symphony.NewTrigger(other, "acme", sealed)
	require.NoError(t, err)
	for e, err := range triggers.List(ctx) {
		require.NoError(t, err)
		var payload string
		require.NoError(t, e.Event.Decode(&payload))
		require.Equal(t, secret, payload)
	}
}

// BenchmarkSealed compares a repository that seals with one that does not.
func BenchmarkSealed(b *testing.B) {
	p := pooltest.Redis(b, pool.Config{})
	for name, opts := range map[string][]symphony.Option{"compact": nil, "sealed": {symphony.Codec(newSealed(b, 1))}} {
		users, err := symphony.NewUser[account](p, "acme"+name, opts...)
		require.NoError(b, err)
		v := account{"Ada Lovelace", secret}
		b.Run("Upsert/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, users.Upsert(ctx, "u", v))
			}
		})
		b.Run("Get/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := users.Get(ctx, "u")
				require.NoError(b, err)
			}
		})
	}
}
