package store

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// pageSize is the COUNT of a SCAN: what one round trip walks over.
const pageSize = 1000

// Page is some of a space's records, and what was read for each.
type Page struct {
	Targets []fault.Target
	IDs     []string
	Replies []rueidis.RedisResult // empty where the walk reads nothing
}

// Keys is a family of keys: a glob that matches them all, and what tells them
// from the other keys that it matches. A keyspace.Space is one.
type Keys interface {
	Glob() string
	ID(key string) (string, bool)
}

// Walk is Scan over the space.
func (s *Store) ScanSpace(ctx context.Context, op string, read func(key string) rueidis.Completed) iter.Seq2[Page, error] {
	return s.Scan(ctx, op, s.spec.Kind, s.space, read)
}

// WalkReading is Walk for a read that the server refuses on a key of another
// type: SCAN then need not look at each key's type, which takes it half as
// long again, and the keys that were refused are left out.
func (s *Store) ScanSpaceUntyped(ctx context.Context, op string, read func(key string) rueidis.Completed) iter.Seq2[Page, error] {
	return s.scanAll(ctx, op, &scan{keys: s.space, read: read})
}

// Scan goes over keys of one type with SCAN MATCH COUNT TYPE and gives each
// once, a page at a time. What read makes for a key travels together with the
// SCAN for the page after it; a nil read asks for the ids alone. Breaking off
// the loop ends the traffic. An error ends the walk.
func (s *Store) Scan(ctx context.Context, op string, kind Kind, keys Keys, read func(key string) rueidis.Completed) iter.Seq2[Page, error] {
	return s.scanAll(ctx, op, &scan{kind: kind, keys: keys, read: read})
}

func (s *Store) scanAll(ctx context.Context, op string, from *scan) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		t, err := s.BeginAll(ctx, op)
		if err != nil {
			yield(Page{}, err)
			return
		}
		w := *from
		w.Store, w.target, w.seen = s, t, newRecentKeys()
		if s.Client.Mode() == rueidis.ClientModeCluster {
			w.scanCluster(ctx, yield)
			return
		}
		w.scanNode(ctx, s.primary, yield)
	}
}

// walk is one Scan under way.
type scan struct {
	*Store
	target   fault.Target
	kind     Kind // empty: what read refuses shows the others
	keys     Keys
	read     func(key string) rueidis.Completed
	seen     *recentKeys
	includes func(key string) bool // nil: every key of the node
}

// over walks one node, and reports whether to go on with the next.
func (w *scan) scanNode(ctx context.Context, node rueidis.Client, yield func(Page, error) bool) bool {
	entry, err := node.Do(ctx, w.scanCommand(node, 0)).AsScanEntry()
	for {
		if err != nil {
			yield(Page{}, w.target.Failed(err))
			return false
		}
		page := w.newPage(entry.Elements)
		last := entry.Cursor == 0
		entry, err = w.readPage(ctx, node, entry.Cursor, &page)
		if len(page.IDs) > 0 && !yield(page, nil) {
			return false
		}
		if last {
			return true
		}
	}
}

// fill reads for the keys of a page and sends the SCAN for the next with it,
// where there is one.
func (w *scan) readPage(ctx context.Context, node rueidis.Client, cursor uint64, page *Page) (next rueidis.ScanEntry, err error) {
	var cmds rueidis.Commands
	if w.read != nil {
		for _, t := range page.Targets {
			cmds = append(cmds, w.read(t.Key))
		}
	}
	if cursor == 0 || w.Client.Mode() == rueidis.ClientModeCluster {
		page.setReplies(w.Client.DoMulti(ctx, cmds...), w.kind == "")
		if cursor == 0 {
			return next, nil
		}
		return node.Do(ctx, w.scanCommand(node, cursor)).AsScanEntry()
	}
	results := node.DoMulti(ctx, append(cmds, w.scanCommand(node, cursor))...)
	page.setReplies(results[:len(cmds)], w.kind == "")
	return results[len(cmds)].AsScanEntry()
}

func (w *scan) scanCommand(node rueidis.Client, cursor uint64) rueidis.Completed {
	scan := node.B().Scan().Cursor(cursor).Match(w.prefix + w.keys.Glob()).Count(pageSize)
	if w.kind == "" {
		return scan.Build()
	}
	return scan.Type(string(w.kind)).Build()
}

// answer gives a page its replies, one for each id, and with typed leaves out
// the keys of another type.
func (p *Page) setReplies(replies []rueidis.RedisResult, typed bool) {
	p.Replies = replies
	if !typed || !slices.ContainsFunc(replies, wrongType) {
		return
	}
	kept := Page{}
	for i, reply := range replies {
		if !wrongType(reply) {
			kept.IDs = append(kept.IDs, p.IDs[i])
			kept.Targets = append(kept.Targets, p.Targets[i])
			kept.Replies = append(kept.Replies, reply)
		}
	}
	*p = kept
}

func wrongType(reply rueidis.RedisResult) bool {
	return errors.Is(fault.Translate(reply.Error()), fault.ErrWrongType)
}

// page keeps the keys of the family that were not seen before: the glob's star
// matches more than one part, and SCAN repeats itself.
func (w *scan) newPage(keys []string) (page Page) {
	for _, key := range keys {
		bare, ok := strings.CutPrefix(key, w.prefix)
		if !ok {
			continue
		}
		id, ok := w.keys.ID(bare)
		if !ok || w.includes != nil && !w.includes(key) || !w.seen.add(key) {
			continue
		}
		t := w.target
		t.Key = key
		page.IDs = append(page.IDs, id)
		page.Targets = append(page.Targets, t)
	}
	return page
}

// IDs gives the id of every record of the space.
func (s *Store) IDs(ctx context.Context, op string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for page, err := range s.ScanSpace(ctx, op, nil) {
			if err != nil {
				yield("", err)
				return
			}
			for _, id := range page.IDs {
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

// DeleteAll sends UNLINK for every record of the space and counts them.
func (s *Store) DeleteAll(ctx context.Context) (total int64, err error) {
	t := fault.Target{Op: "DeleteAll", Pool: s.Alias}
	if err := cmp.Or(s.RefuseAbsent(t), s.RefuseVersion(t)); err != nil {
		return 0, err
	}
	var steps fault.Steps
	unlink := func(key string) rueidis.Completed { return s.Client.B().Unlink().Key(key).Build() }
	for page, err := range s.ScanSpace(ctx, "DeleteAll", unlink) {
		if err != nil {
			return total, steps.Error(t, err)
		}
		for i := range page.Targets {
			page.Targets[i].Write = true
		}
		s.forget(page.Targets)
		n, err := sumFlags(page.Targets, page.Replies)
		if total += n; total > 0 {
			steps.Applied()
		}
		if err != nil {
			return total, steps.Error(t, err)
		}
	}
	return total, nil
}

// window is how many keys one generation of seen holds.
const recentKeysPerGeneration = 32 << 10

// seen remembers the last keys of a walk, between one window and two, by two
// independent 64-bit hashes each. SCAN repeats itself while a table shrinks:
// the buckets that become one are neighbours in its order, so that a repeated
// key follows its first appearance closely, unless the table shrinks to a tiny
// part of itself during the walk.
type recentKeys struct {
	seeds         [2]maphash.Seed
	older, recent map[fingerprint]struct{}
}

type fingerprint [2]uint64

func newRecentKeys() *recentKeys {
	return &recentKeys{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, recent: map[fingerprint]struct{}{}}
}

// add reports whether key is new.
func (s *recentKeys) add(key string) bool {
	f := fingerprint{maphash.String(s.seeds[0], key), maphash.String(s.seeds[1], key)}
	if _, ok := s.recent[f]; ok {
		return false
	}
	_, known := s.older[f]
	if len(s.recent) == recentKeysPerGeneration {
		s.older, s.recent = s.recent, map[fingerprint]struct{}{}
	}
	s.recent[f] = struct{}{}
	return !known
}
