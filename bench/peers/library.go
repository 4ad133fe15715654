package peers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
)

// library is the operations of a contestant, on records of its type T. An
// operation that it lacks is nil.
type library[T any] struct {
	name string
	how  map[string]string // by contest

	from    func(id string, p Profile) T
	profile func(T) Profile
	key     func(id string) string // of the hash

	get     func(ctx context.Context, id string) (T, error)
	upsert  func(ctx context.Context, id string, v T) error
	update  func(ctx context.Context, id, plan string, by int64) error // sets the plan and adds to the score
	getMany func(ctx context.Context, ids []string) (list[T], error)
	find    func(ctx context.Context, city string) ([]T, error)
	kvGet   func(ctx context.Context, id string) (T, error)
	kvSet   func(ctx context.Context, id string, v T) error
	cached  func(ctx context.Context, id string) (T, error)
}

// list is the result of GetMany, in the form of any library.
type list[T any] interface {
	len() int
	at(i int) T
}

// slice is the list of a library that returns a slice.
type slice[T any] []T

func (s slice[T]) len() int   { return len(s) }
func (s slice[T]) at(i int) T { return s[i] }

// many is the number of records that GetMany reads.
const many = 100

// enter returns the contestant for a contest, if the library has the operation.
func enter[T any](l library[T], contestName string, t Target, look rueidis.Client) (contest.Contestant, bool) {
	e := entry[T]{library: l, contexts: t.Contexts, look: look, ids: identities(t.Records), n: t.Records}
	c := contest.Contestant{Name: l.name, How: l.how[contestName]}
	switch {
	case contestName == Get && l.get != nil:
		c.Turn, c.Check = e.reading(l.get), e.checkGet(l.get)
	case contestName == Upsert && l.upsert != nil && l.get != nil: // else it writes only beside its cache
		c.Turn, c.Check = e.writing(l.upsert), e.checkSet(l.upsert, l.get, l.key)
	case contestName == Update && l.update != nil:
		c.Turn, c.Check = e.updating(), e.checkUpdate
	case contestName == GetMany && l.getMany != nil:
		c.Turn, c.Check = e.readingMany(), e.checkMany
	case contestName == Find && l.find != nil:
		c.Turn, c.Check = e.finding(), e.checkFind
	case contestName == KVGet && l.kvGet != nil:
		c.Turn, c.Check = e.reading(l.kvGet), e.checkGet(l.kvGet)
	case contestName == KVSet && l.kvSet != nil:
		c.Turn, c.Check = e.writing(l.kvSet), e.checkSet(l.kvSet, l.kvGet, nil)
	case contestName == CachedGet && l.cached != nil:
		c.Prepare, c.Turn, c.Check, c.Stale = e.fillCache, e.reading(l.cached), e.checkGet(l.cached), e.stale
	default:
		return c, false
	}
	return c, true
}

// entry is a library and its records.
type entry[T any] struct {
	library[T]
	contexts contest.Contexts
	look     rueidis.Client // reads and writes beside the library
	ids      []string
	n        int
}

func (e *entry[T]) reading(get func(context.Context, string) (T, error)) contest.Turn {
	return contest.Calls(e.contexts, func(ctx context.Context, p contest.Place) error {
		_, err := get(ctx, e.ids[p.Of(e.n)])
		return err
	})
}

// fillCache reads all records once.
func (e *entry[T]) fillCache(ctx context.Context, _ int) error {
	for _, id := range e.ids[:e.n] {
		if _, err := e.cached(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (e *entry[T]) writing(set func(context.Context, string, T) error) contest.Turn {
	values := make([]T, e.n)
	for i := range values {
		values[i] = e.from(e.ids[i], ProfileOf(i))
	}
	return contest.Calls(e.contexts, func(ctx context.Context, p contest.Place) error {
		i := p.Of(e.n)
		return set(ctx, e.ids[i], values[i])
	})
}

func (e *entry[T]) updating() contest.Turn {
	plans := []string{"premium", "basic"}
	return contest.Calls(e.contexts, func(ctx context.Context, p contest.Place) error {
		return e.update(ctx, e.ids[p.Of(e.n)], plans[p.Call%2], 1)
	})
}

func (e *entry[T]) readingMany() contest.Turn {
	return contest.Calls(e.contexts, func(ctx context.Context, p contest.Place) error {
		first := p.Of(e.n)
		_, err := e.getMany(ctx, e.ids[first:first+many])
		return err
	})
}

func (e *entry[T]) finding() contest.Turn {
	return contest.Calls(e.contexts, func(ctx context.Context, p contest.Place) error {
		_, err := e.find(ctx, city(p.Caller+p.Call))
		return err
	})
}

func (e *entry[T]) checkGet(get func(context.Context, string) (T, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, i := range []int{0, 1, e.n - 1} {
			v, err := get(ctx, e.ids[i])
			if err != nil {
				return err
			}
			if err := mustEqual(e.profile(v), ProfileOf(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

// checkSet overwrites a record, reads it back and writes the first record
// again. It checks the lifetime of a hash.
func (e *entry[T]) checkSet(set func(context.Context, string, T) error, get func(context.Context, string) (T, error), key func(string) string) func(context.Context) error {
	return func(ctx context.Context) error {
		id := e.ids[1]
		for _, p := range []Profile{ProfileOf(e.n + 1), ProfileOf(1)} {
			if err := set(ctx, id, e.from(id, p)); err != nil {
				return err
			}
			v, err := get(ctx, id)
			if err != nil {
				return err
			}
			if err := mustEqual(e.profile(v), p); err != nil {
				return err
			}
		}
		if key == nil {
			return nil
		}
		return e.checkLifetime(ctx, key(id))
	}
}

func (e *entry[T]) checkLifetime(ctx context.Context, key string) error {
	left, err := e.look.Do(ctx, e.look.B().Pttl().Key(key).Build()).AsInt64()
	if err == nil && (left <= lifetime.Milliseconds()-60_000 || left > lifetime.Milliseconds()+60_000) {
		err = fmt.Errorf("the remaining lifetime is %d ms, expected about %v", left, lifetime)
	}
	return err
}

func (e *entry[T]) checkUpdate(ctx context.Context) error {
	id, want := e.ids[1], ProfileOf(1)
	want.Plan, want.Score = "basic", want.Score+5
	if err := e.update(ctx, id, "basic", 5); err != nil {
		return err
	}
	v, err := e.get(ctx, id)
	if err != nil {
		return err
	}
	return errors.Join(mustEqual(e.profile(v), want), e.checkLifetime(ctx, e.key(id)), e.update(ctx, id, "premium", -5))
}

func (e *entry[T]) checkMany(ctx context.Context) error {
	all, err := e.getMany(ctx, e.ids[1:1+many])
	if err != nil {
		return err
	}
	if all.len() != many {
		return fmt.Errorf("got %d records, expected %d", all.len(), many)
	}
	for i := range many {
		if err := mustEqual(e.profile(all.at(i)), ProfileOf((1+i)%e.n)); err != nil {
			return err
		}
	}
	return nil
}

func (e *entry[T]) checkFind(ctx context.Context) error {
	var want, got []string
	for i := 7; i < e.n; i += cities {
		want = append(want, ProfileOf(i).Email)
	}
	found, err := e.find(ctx, city(7))
	for _, v := range found {
		got = append(got, e.profile(v).Email)
	}
	slices.Sort(got)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("found %q, expected %q", got, want)
	}
	return err
}

// stale writes and reads from 64 callers, each on its own records, which are
// cached before. Another client makes the writes of others.
func (e *entry[T]) stale(ctx context.Context, pairs int) (results.Stale, error) {
	own, err := e.staleAfter(ctx, pairs, func(ctx context.Context, id string, p Profile) error {
		return e.upsert(ctx, id, e.from(id, p))
	})
	if err != nil {
		return results.Stale{}, err
	}
	others, err := e.staleAfter(ctx, pairs, func(ctx context.Context, id string, p Profile) error {
		return e.look.Do(ctx, e.look.B().Hset().Key(e.key(id)).FieldValue().FieldValue("score", strconv.FormatInt(p.Score, 10)).Build()).Error()
	})
	return results.Stale{Own: own, Others: others}, err
}

func (e *entry[T]) staleAfter(ctx context.Context, pairs int, write func(context.Context, string, Profile) error) (results.Share, error) {
	var tried, stale atomic.Int64
	callers := min(64, e.n)
	errs := make(chan error, callers)
	var done sync.WaitGroup
	for c := range callers {
		done.Go(func() {
			p := ProfileOf(c)
			for range pairs / callers {
				if _, err := e.cached(ctx, e.ids[c]); err != nil {
					errs <- err
					return
				}
				p.Score++
				err := write(ctx, e.ids[c], p)
				if err != nil {
					errs <- err
					return
				}
				v, err := e.cached(ctx, e.ids[c])
				if err != nil {
					errs <- err
					return
				}
				tried.Add(1)
				if e.profile(v).Score != p.Score {
					stale.Add(1)
				}
			}
			errs <- e.upsert(ctx, e.ids[c], e.from(e.ids[c], ProfileOf(c)))
		})
	}
	done.Wait()
	var all []error
	for range callers {
		all = append(all, <-errs)
	}
	return results.Share{Stale: int(stale.Load()), Of: int(tried.Load())}, errors.Join(all...)
}
