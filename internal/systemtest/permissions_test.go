package systemtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// step is a call that needs rights.
type step struct {
	name string
	call func(ctx context.Context) error
}

// worker does everything that one row of the table of rights is about.
type worker func(t *testing.T, p *pool.Pools) []step

// account is a record with all that a hash has rules for.
type account struct {
	Name    string   `redis:"name"`
	N       int64    `redis:"n"`
	Tags    []string `redis:"tags"`
	Version int64    `redis:"version,version"`
}

type plain struct {
	Name string   `redis:"name"`
	N    int64    `redis:"n"`
	Tags []string `redis:"tags"`
}

var workers = map[string]worker{
	"pool.Open": func(t *testing.T, p *pool.Pools) []step { return []step{{"Ping", p.Ping}} },
	"User": hashWorker(func(p *pool.Pools) (*hashrepo.HashRepo[plain], error) {
		u, err := symphony.NewUser[plain](p, "acme")
		return u.HashRepo, err
	}),
	"StateHandler": hashWorker(func(p *pool.Pools) (*hashrepo.HashRepo[plain], error) {
		u, err := symphony.NewStateHandler[plain](p, "acme", "cart")
		return u.HashRepo, err
	}),
	"Table":        tables,
	"SharedState":  sharedStates,
	"Generic":      generics,
	"Batch":        batches,
	"WorkBatches":  working,
	"Trigger":      triggers,
	"Listener":     listening,
	"cached reads": cachedReads,
}

func ignore[T any](_ T, err error) error { return err }

func hashWorker(open func(p *pool.Pools) (*hashrepo.HashRepo[plain], error)) worker {
	return func(t *testing.T, p *pool.Pools) []step {
		r, err := open(p)
		require.NoError(t, err)
		return hashSteps(r)
	}
}

func hashSteps(r *hashrepo.HashRepo[plain]) []step {
	n := hashrepo.NumberOf(func(v *plain) *int64 { return &v.N })
	name := hashrepo.FieldOf(func(v *plain) *string { return &v.Name })
	tags := hashrepo.ListOf(func(v *plain) *[]string { return &v.Tags })
	full := plain{Name: "Ann", N: 1, Tags: []string{"a"}}
	return []step{
		{"Upsert", func(ctx context.Context) error { return r.Upsert(ctx, "1", full) }},
		{"Upsert KeepTTL", func(ctx context.Context) error { return r.With(hashrepo.KeepTTL()).Upsert(ctx, "1", full) }},
		{"Upsert NoTTL", func(ctx context.Context) error { return r.With(hashrepo.NoTTL()).Upsert(ctx, "1", plain{}) }},
		{"UpsertMany", func(ctx context.Context) error {
			return r.UpsertMany(ctx, hashrepo.Record[plain]{ID: "2", Value: full}, hashrepo.Record[plain]{ID: "3", Value: full})
		}},
		{"Replace", func(ctx context.Context) error { return r.Replace(ctx, "1", full) }},
		{"Update", func(ctx context.Context) error { return r.Update(ctx, "1", name.Set("Bob")) }},
		{"Update many", func(ctx context.Context) error { return r.Update(ctx, "1", n.Add(2), tags.Append("b"), name.Clear()) }},
		{"Merge", func(ctx context.Context) error { return ignore(r.Merge(ctx, "1", n.Add(1))) }},
		{"Mutate", func(ctx context.Context) error {
			return ignore(r.Mutate(ctx, "1", func(v *plain) error { v.N++; v.Tags = nil; return nil }))
		}},
		{"UpdateField", func(ctx context.Context) error { return r.UpdateField(ctx, "1", "name", "Cid") }},
		{"IncrementField", func(ctx context.Context) error { return ignore(r.IncrementField(ctx, "1", "n", 1)) }},
		{"AppendToList", func(ctx context.Context) error { return r.AppendToList(ctx, "1", "tags", "c") }},
		{"DeleteField", func(ctx context.Context) error { return ignore(r.DeleteField(ctx, "1", "tags")) }},
		{"Get", func(ctx context.Context) error { return ignore(r.Get(ctx, "1")) }},
		{"Get zero", func(ctx context.Context) error {
			return errors.Join(r.Upsert(ctx, "zero", plain{}), ignore(r.Get(ctx, "zero")))
		}},
		{"GetMany", func(ctx context.Context) error { return ignore(r.GetMany(ctx, "1", "2", "none")) }},
		{"GetField", func(ctx context.Context) error { var s string; return r.GetField(ctx, "1", "name", &s) }},
		{"FindByField", func(ctx context.Context) error { return ignore(r.FindByField(ctx, "name", "Cid")) }},
		{"FindOne", func(ctx context.Context) error { return ignore(r.FindOne(ctx, name.Eq("Cid"))) }},
		{"Exists", func(ctx context.Context) error { return ignore(r.Exists(ctx, "1")) }},
		{"TTL", func(ctx context.Context) error { return ignore(r.TTL(ctx, "1")) }},
		{"Touch", func(ctx context.Context) error { return ignore(r.Touch(ctx, "1")) }},
		{"All", func(ctx context.Context) (err error) {
			for _, e := range r.All(ctx) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"IDs", func(ctx context.Context) (err error) {
			for _, e := range r.IDs(ctx) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"Delete", func(ctx context.Context) error { return ignore(r.Delete(ctx, "2")) }},
		{"DeleteAll", func(ctx context.Context) error { return ignore(r.DeleteAll(ctx)) }},
	}
}

func tables(t *testing.T, p *pool.Pools) []step {
	plainTable, err := symphony.NewTable[plain](p, "acme", "items")
	require.NoError(t, err)
	versioned, err := symphony.NewTable[account](p, "acme", "accounts")
	require.NoError(t, err)
	return append(hashSteps(plainTable.HashRepo),
		step{"Upsert versioned", func(ctx context.Context) error { return versioned.Upsert(ctx, "1", account{Name: "Ann"}) }},
		step{"Update versioned", func(ctx context.Context) error { return versioned.UpdateField(ctx, "1", "name", "Bob") }},
		step{"DeleteAllByPK", func(ctx context.Context) error { return ignore(symphony.DeleteAllByPK(ctx, p, "acme", "1")) }},
	)
}

func sharedStates(t *testing.T, p *pool.Pools) []step {
	ss, err := symphony.NewSharedState(p, "acme", "42")
	require.NoError(t, err)
	r, err := symphony.StateOf[plain](ss)
	require.NoError(t, err)
	return hashSteps(r)
}

func generics(t *testing.T, p *pool.Pools) []step {
	g, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	return []step{
		{"Set", func(ctx context.Context) error { return g.Set(ctx, "1", "a") }},
		{"Set with TTL", func(ctx context.Context) error { return g.With(symphony.TTL(time.Hour)).Set(ctx, "1", "a") }},
		{"Set KeepTTL", func(ctx context.Context) error {
			return g.With(symphony.KeepTTL(), symphony.TTL(time.Hour)).Set(ctx, "1", "a")
		}},
		{"Set IfAbsent", func(ctx context.Context) error { return g.With(symphony.IfAbsent()).Set(ctx, "2", "a") }},
		{"Set IfExists", func(ctx context.Context) error {
			return g.With(symphony.IfExists(), symphony.KeepTTL()).Set(ctx, "2", "a")
		}},
		{"SetMany", func(ctx context.Context) error {
			return g.SetMany(ctx, kvrepo.Record[string]{ID: "3", Value: "b"}, kvrepo.Record[string]{ID: "4", Value: "b"})
		}},
		{"SetMany KeepTTL", func(ctx context.Context) error {
			return g.With(symphony.KeepTTL(), symphony.TTL(time.Hour)).SetMany(ctx, kvrepo.Record[string]{ID: "3", Value: "b"}, kvrepo.Record[string]{ID: "4", Value: "b"})
		}},
		{"Swap", func(ctx context.Context) error { _, _, err := g.Swap(ctx, "1", "b"); return err }},
		{"Mutate", func(ctx context.Context) error {
			return ignore(g.Mutate(ctx, "1", func(s *string) error { *s += "c"; return nil }))
		}},
		{"GetOrLoad", func(ctx context.Context) error {
			return ignore(g.GetOrLoad(ctx, "loaded", func(context.Context) (string, error) { return "v", nil }))
		}},
		{"GetOrLoad that fails", func(ctx context.Context) error {
			failed := errors.New("it failed")
			_, err := g.GetOrLoad(ctx, "failing", func(context.Context) (string, error) { return "", failed })
			if errors.Is(err, failed) && !errors.Is(err, symphony.ErrNoPermission) {
				return nil
			}
			return err
		}},
		{"Get", func(ctx context.Context) error { return ignore(g.Get(ctx, "1")) }},
		{"GetMany", func(ctx context.Context) error { return ignore(g.GetMany(ctx, "1", "2")) }},
		{"Exists", func(ctx context.Context) error { return ignore(g.Exists(ctx, "1")) }},
		{"TTL", func(ctx context.Context) error { return ignore(g.TTL(ctx, "1")) }},
		{"Touch", func(ctx context.Context) error { return ignore(g.With(symphony.TTL(time.Hour)).Touch(ctx, "1")) }},
		{"IDs", func(ctx context.Context) (err error) {
			for _, e := range g.IDs(ctx) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"Delete", func(ctx context.Context) error { return ignore(g.Delete(ctx, "1")) }},
		{"DeleteAll", func(ctx context.Context) error { return ignore(g.DeleteAll(ctx)) }},
	}
}

var orders = symphony.Queue{Service: "chat", Entity: "user", Action: "reply"}

func batches(t *testing.T, p *pool.Pools) []step {
	b, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	var claim *listrepo.Claim[string]
	claiming := func(ctx context.Context) (err error) {
		claim, err = b.Claim(ctx, orders, 2, time.Minute)
		return err
	}
	held := func(call func(ctx context.Context) error) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			if claim == nil {
				return errors.New("there is no claim")
			}
			return call(ctx)
		}
	}
	return []step{
		{"Enqueue", func(ctx context.Context) error {
			return ignore(b.Enqueue(ctx, orders, "a", "b", "c", "d", "e", "f", "g", "h", "i"))
		}},
		{"Len", func(ctx context.Context) error { return ignore(b.Len(ctx, orders)) }},
		{"Chunk", func(ctx context.Context) error { return ignore(b.Chunk(ctx, orders, 0, -1)) }},
		{"Trim", func(ctx context.Context) error { return b.Trim(ctx, orders, 0, 7) }},
		{"Claim", claiming},
		{"Extend", held(func(ctx context.Context) error { return claim.Extend(ctx, time.Minute) })},
		{"Release", held(func(ctx context.Context) error { return claim.Release(ctx) })},
		{"Claim again", claiming},
		{"Ack", held(func(ctx context.Context) error { return claim.Ack(ctx) })},
		{"Enqueue bounded", func(ctx context.Context) error {
			return ignore(b.With(symphony.MaxLen(100)).Enqueue(ctx, orders, "j", "k"))
		}},
		{"Claim two", claiming},
		{"Ack one", held(func(ctx context.Context) error { return claim.Ack(ctx, claim.Items[0]) })},
		{"Ack the other", held(func(ctx context.Context) error { return claim.Ack(ctx, claim.Items[1]) })},
		{"Process", func(ctx context.Context) error {
			return ignore(b.Process(ctx, orders, 2, func(context.Context, []listrepo.Item[string]) error { return nil }))
		}},
		{"Process a poisoned item", func(ctx context.Context) error {
			_, err := b.With(symphony.MaxAttempts(1)).Process(ctx, orders, 2, func(context.Context, []listrepo.Item[string]) error { return errors.New("poison") })
			if err != nil && !errors.Is(err, symphony.ErrNoPermission) {
				return nil
			}
			return err
		}},
		{"Claim what is left", func(ctx context.Context) error {
			c, err := b.With(symphony.MaxAttempts(1)).Claim(ctx, orders, 2, time.Minute)
			if err != nil || c == nil {
				return err
			}
			return c.Release(ctx)
		}},
		{"Claim and Release everything", func(ctx context.Context) error {
			c, err := b.Claim(ctx, orders, 500, time.Minute)
			if err != nil {
				return err
			}
			return c.Release(ctx)
		}},
		{"Release after others took", func(ctx context.Context) error { return errors.Join(forgetting(ctx, b, 2), forgetting(ctx, b, 490)) }},
		{"Backlog", func(ctx context.Context) error { return ignore(b.Backlog(ctx, orders)) }},
		{"Dead", func(ctx context.Context) (err error) {
			for _, e := range b.Dead(ctx, orders) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"Retry", func(ctx context.Context) error { return ignore(b.Retry(ctx, orders)) }},
		{"Discard", func(ctx context.Context) error { return ignore(b.Discard(ctx, orders)) }},
		{"PendingTenants", func(ctx context.Context) error { return ignore(symphony.PendingTenants(ctx, p, "chat")) }},
		{"RemoveFromPending", func(ctx context.Context) error { return ignore(symphony.RemoveFromPending(ctx, p, "chat", "acme")) }},
		{"ForceRemoveFromPending", func(ctx context.Context) error { return symphony.ForceRemoveFromPending(ctx, p, "chat", "acme") }},
	}
}

// forgetting gives items of three claims back to a queue, from which others
// took those of the first two claims before the third gives back its own.
func forgetting(ctx context.Context, b *symphony.Batch[string], n int) error {
	items := make([]string, 3*n)
	for i := range items {
		items[i] = fmt.Sprint("item ", i)
	}
	if _, err := b.Enqueue(ctx, orders, items...); err != nil {
		return err
	}
	claims := make([]*listrepo.Claim[string], 3)
	for i := range claims {
		var err error
		if claims[i], err = b.Claim(ctx, orders, n, time.Minute); err != nil {
			return err
		}
	}
	return errors.Join(claims[0].Release(ctx), claims[1].Release(ctx), b.Trim(ctx, orders, 0, 0), claims[2].Release(ctx))
}

func working(t *testing.T, p *pool.Pools) []step {
	b, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	return []step{
		{"Enqueue", func(ctx context.Context) error { return ignore(b.Enqueue(ctx, orders, "a", "b")) }},
		{"WorkBatches", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			reported := make(chan error, 100)
			report := func(err *symphony.WorkError) {
				if errors.Is(err, symphony.ErrNoPermission) {
					select {
					case reported <- err:
					default:
					}
					cancel()
				}
			}
			go func() { // until the tenant is out of the pending set again
				for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
					if tenants, err := symphony.PendingTenants(ctx, p, "chat"); err == nil && len(tenants) == 0 {
						cancel()
					}
				}
			}()
			err := symphony.WorkBatches(ctx, p, "chat", func(context.Context, string, symphony.Queue, []listrepo.Item[string]) error { return nil },
				symphony.WorkConfig{OnError: report, Lease: 100 * time.Millisecond})
			select {
			case err = <-reported:
			default:
			}
			return err
		}},
	}
}

func triggers(t *testing.T, p *pool.Pools) []step {
	tr, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	return []step{
		{"Set", func(ctx context.Context) error { return tr.Set(ctx, "remind", "1", time.Hour) }},
		{"Set again", func(ctx context.Context) error { return tr.Set(ctx, "remind", "1", time.Hour) }},
		{"SetPayload", func(ctx context.Context) error { return tr.SetPayload(ctx, "remind", "2", "hello", time.Hour) }},
		{"Set without", func(ctx context.Context) error { return tr.Set(ctx, "remind", "2", time.Hour) }},
		{"Debounce", func(ctx context.Context) error { return tr.Debounce(ctx, "remind", "1", time.Minute, time.Hour) }},
		{"Due", func(ctx context.Context) error { return ignore(tr.Due(ctx, "remind", "1")) }},
		{"Delete", func(ctx context.Context) error { return ignore(tr.Delete(ctx, "remind", "1")) }},
		{"DeleteAll", func(ctx context.Context) error { return ignore(tr.DeleteAll(ctx, "2")) }},
	}
}

func listening(t *testing.T, p *pool.Pools) []step {
	tr, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	return []step{
		{"SetPayload", func(ctx context.Context) error { return tr.SetPayload(ctx, "remind", "1", "hello", time.Millisecond) }},
		{"Set another", func(ctx context.Context) error { return tr.SetPayload(ctx, "fail", "1", "hello", time.Millisecond) }},
		{"Set a later one", func(ctx context.Context) error { return tr.Set(ctx, "remind", "later", time.Hour) }},
		{"what others leave", func(ctx context.Context) error {
			c, err := p.Client(pool.Expiry)
			if err != nil {
				return err
			}
			return errors.Join( // a turn of sweeping, and a trigger whose key ended with its grace
				c.Do(ctx, c.B().Set().Key("%exp:sweeping:remind").Value("other").Px(20*time.Millisecond).Build()).Error(),
				c.Do(ctx, c.B().Zadd().Key("%exp:due:remind").ScoreMember().ScoreMember(1, "acme:EXPTRIGGER:remind:9").Build()).Error())
		}},
		{"Run", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			log := &lines{heard: func(line string) {
				if strings.Contains(line, "a call to Redis failed") && strings.Contains(line, symphony.ErrNoPermission.Error()) {
					cancel()
				}
			}}
			registry := expiry.NewRegistry()
			require.NoError(t, registry.On("remind", func(context.Context, expiry.Event) error { return nil }))
			require.NoError(t, registry.On("fail", func(context.Context, expiry.Event) error { return errors.New("poison") }))
			l, err := expiry.NewListener(p, registry, expiry.Config{
				Logger: slog.New(slog.NewTextHandler(log, nil)), MaxAttempts: 2, Lease: 100 * time.Millisecond,
				Backoff: func(int, error) time.Duration { return time.Millisecond }, StopTimeout: time.Second, Sweep: 10 * time.Millisecond,
			})
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- l.Run(ctx) }()
			var dead []expiry.Event
			var failed error
			for ; ctx.Err() == nil && len(dead) == 0 && failed == nil; time.Sleep(5 * time.Millisecond) {
				for e, err := range l.Dead(ctx) {
					if dead = append(dead, e); err != nil {
						failed = err
					}
				}
				if l.Stats().Succeeded == 0 {
					dead = nil
				}
			}
			for ; ctx.Err() == nil && failed == nil && !swept(ctx, p, "remind", "fail"); time.Sleep(5 * time.Millisecond) {
			}
			if failed == nil && len(dead) > 0 {
				failed = l.Retry(ctx, dead[0])
			}
			for dead = nil; ctx.Err() == nil && len(dead) == 0 && failed == nil; time.Sleep(5 * time.Millisecond) {
				for e, err := range l.Dead(ctx) {
					if dead = append(dead, e); err != nil {
						failed = err
					}
				}
			}
			if failed == nil && len(dead) > 0 {
				failed = l.Discard(ctx, dead[0])
			}
			cancel()
			err = <-done
			for _, e := range []error{failed, err} {
				if errors.Is(e, symphony.ErrNoPermission) {
					return e
				}
			}
			if text := log.text("a call to Redis failed"); strings.Contains(text, symphony.ErrNoPermission.Error()) {
				return fmt.Errorf("%w: %s", symphony.ErrNoPermission, text)
			}
			if len(dead) == 0 {
				return fmt.Errorf("it did not finish: %+v", l.Stats())
			}
			return err
		}},
	}
}

// swept reports whether the schedules of some actions were swept.
func swept(ctx context.Context, p *pool.Pools, actions ...string) bool {
	c, err := p.Client(pool.Expiry)
	for _, action := range actions {
		err = errors.Join(err, c.Do(ctx, c.B().Get().Key("%exp:swept:"+action).Build()).Error())
	}
	return err == nil
}

func cachedReads(t *testing.T, p *pool.Pools) []step {
	users, err := symphony.NewUser[plain](p, "acme", symphony.Cached(time.Minute))
	require.NoError(t, err)
	g, err := symphony.NewGeneric[string](p, "acme", symphony.Cached(time.Minute))
	require.NoError(t, err)
	return []step{
		{"Upsert", func(ctx context.Context) error { return users.Upsert(ctx, "1", plain{N: 1}) }},
		{"Get", func(ctx context.Context) error { return ignore(users.Get(ctx, "1")) }},
		{"Get zero", func(ctx context.Context) error { _, err := users.Get(ctx, "none"); return missing(err) }},
		{"Set", func(ctx context.Context) error { return g.Set(ctx, "1", "a") }},
		{"Get a value", func(ctx context.Context) error { return ignore(g.Get(ctx, "1")) }},
		{"Get twice", func(ctx context.Context) error {
			return errors.Join(ignore(users.Get(ctx, "1")), ignore(g.Get(ctx, "1")))
		}},
		{"hits", func(ctx context.Context) error {
			if s := p.Stats(); s[pool.User].CacheHits+s[pool.Default].CacheHits == 0 {
				return errors.New("nothing was cached")
			}
			return nil
		}},
	}
}

func missing(err error) error {
	if errors.Is(err, symphony.ErrNotFound) {
		return nil
	}
	return err
}

// lines is a log that is looked at while it is written.
type lines struct {
	mu    sync.Mutex
	b     bytes.Buffer
	heard func(line string)
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	n, err := l.b.Write(b)
	l.mu.Unlock()
	l.heard(string(b))
	return n, err
}

// text is the first line that holds some words.
func (l *lines) text(words string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, words) {
			return line
		}
	}
	return ""
}

// rights is a row of the table in docs/security.md.
type rights struct {
	commands, keys, channels []string
}

// tableOfRights reads the rows that begin with a name of workers.
func tableOfRights(t *testing.T) map[string]rights {
	t.Helper()
	text, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	code := regexp.MustCompile("`([^`]+)`")
	rows := map[string]rights{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) < 6 {
			continue
		}
		name := strings.Trim(cells[1], " `")
		if _, known := workers[name]; !known {
			continue
		}
		list := func(cell string) (all []string) {
			for _, found := range code.FindAllStringSubmatch(cell, -1) {
				all = append(all, strings.Fields(strings.ReplaceAll(found[1], "\x00", "|"))...)
			}
			return all
		}
		rows[name] = rights{list(cells[2]), list(cells[3]), list(cells[4])}
	}
	return rows
}

// guarded is a server whose users have what the table says.
type guarded struct {
	t     *testing.T
	s     *redistest.Instance
	admin rueidis.Client
	rows  map[string]rights
}

// allow makes the user a new one, with the rights of some rows.
func (g *guarded) allow(without string, names ...string) {
	g.t.Helper()
	rules := []string{"ACL", "SETUSER", "joe", "reset", "on", ">joe"}
	for _, name := range names {
		row := g.rows[name]
		for _, rule := range slices.Concat(row.commands, row.keys, row.channels) {
			if rule != without {
				rules = append(rules, rule)
			}
		}
	}
	for _, args := range [][]string{{"FLUSHALL"}, {"SCRIPT", "FLUSH"}, rules} {
		require.NoError(g.t, g.admin.Do(g.t.Context(), g.admin.B().Arbitrary(args...).Build()).Error())
	}
}

// run does the steps of a row until one fails.
func (g *guarded) run(name string) (step string, err error) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 30*time.Second)
	defer cancel()
	p, err := pool.Open(ctx, pool.Config{URL: strings.Replace(g.s.URL(), "//", "//joe:joe@", 1), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "Open", err
	}
	defer p.Close()
	for _, s := range workers[name](g.t, p) {
		before := g.digest()
		err := s.call(ctx) // Ack ends a claim by the first of two commands; the second may be refused
		var op *symphony.OpError
		if errors.As(err, &op) && !op.MaybeApplied() && !slices.Contains([]string{"Run", "WorkBatches", "Ack"}, s.name) {
			require.Equal(g.t, before, g.digest(), "%s: %v, and something changed", s.name, err)
		}
		if err != nil {
			return s.name, err
		}
	}
	return "", nil
}

// digest stands for all that is stored.
func (g *guarded) digest() string {
	text, err := g.admin.Do(g.t.Context(), g.admin.B().Arbitrary("DEBUG", "DIGEST").Build()).ToString()
	require.NoError(g.t, err)
	return text
}

func newGuarded(t *testing.T) *guarded {
	s := redistest.Server(t, "enable-debug-command yes", "acl-pubsub-default resetchannels")
	g := &guarded{t, s, s.Client(t, 0), tableOfRights(t)}
	for name := range workers {
		require.NotEmpty(t, g.rows[name].commands, "docs/security.md has no row for %s", name)
	}
	return g
}

// beside are the rows that a row says it comes with.
var beside = map[string][]string{
	"WorkBatches":  {"Batch"},
	"Listener":     {"Trigger"},
	"cached reads": {"User", "Generic"},
}

// The rights that the guide lists are enough for each repository, and each of
// them is needed: without it the error says which one is missing.
func TestTheRightsThatTheGuideLists(t *testing.T) {
	g := newGuarded(t)
	for name := range workers {
		t.Run(name, func(t *testing.T) {
			g.t = t
			rows := append([]string{"pool.Open", name}, beside[name]...)
			g.allow("", rows...)
			step, err := g.run(name)
			require.NoError(t, err, "%s, with all that is listed", step)
			row := g.rows[name]
			for _, right := range slices.Concat(row.commands, row.keys, row.channels) {
				g.allow(right, rows...)
				step, err := g.run(name)
				if name == "cached reads" && slices.Contains([]string{"+client|tracking", "+client|caching"}, right) {
					require.ErrorContains(t, err, "nothing was cached", right)
					continue
				}
				require.ErrorIs(t, err, symphony.ErrNoPermission, "without %s, at %s", right, step)
				if right != "+rpush" && strings.HasPrefix(right, "+") { // push.lua has it in a variable
					require.Contains(t, strings.ToLower(err.Error()), right[1:], "at %s", step)
				}
			}
		})
	}
}
