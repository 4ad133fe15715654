package store

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/recent"
)

// pageSize is the COUNT of SCAN: how many keys the server visits in one round
// trip.
const pageSize = 1000

// Page is a part of the records of a scan.
type Page struct {
	Targets []fault.Target
	IDs     []string
	Replies []rueidis.RedisResult // one for each id; empty if the scan reads nothing
}

// Keys describes a set of keys: a glob that matches all of them, and a function
// that returns the id of a key in the set. The glob may match other keys too. A
// [keyspace.Space] implements Keys.
type Keys interface {
	Glob() string
	ID(key string) (string, bool)
}

// ScanSpace is [Store.Scan] over the key space of s.
func (s *Store) ScanSpace(ctx context.Context, op string, read func(key string) rueidis.Completed) iter.Seq2[Page, error] {
	return s.Scan(ctx, op, s.spec.Kind, s.space, read)
}

// ScanSpaceUntyped is like [Store.ScanSpace], for a read that the server
// refuses on a key of another type. It leaves out the keys that were refused.
// It omits the TYPE option of SCAN, with which the server looks at each key and
// needs about half as much time more.
func (s *Store) ScanSpaceUntyped(ctx context.Context, op string, read func(key string) rueidis.Completed) iter.Seq2[Page, error] {
	return s.scanAll(ctx, op, &scan{keys: s.space, read: read})
}

// Scan iterates over the keys of one type with SCAN MATCH COUNT TYPE. It yields
// each key once, in pages. The commands that read returns for the keys of a
// page are sent in the same round trip as the SCAN for the next page. On a
// cluster, they are sent in a round trip of their own. If read is nil, the
// pages have no replies. If the loop ends early, Scan sends nothing more. It
// ends after the first error.
//
// A scan is not a snapshot. It may or may not return a record that is written
// or deleted meanwhile.
func (s *Store) Scan(ctx context.Context, op string, kind Kind, keys Keys, read func(key string) rueidis.Completed) iter.Seq2[Page, error] {
	return s.scanAll(ctx, op, &scan{kind: kind, keys: keys, read: read})
}

// ScanDatabase iterates over the keys of every type in the whole database, as
// [Store.Scan] does. The keys and the glob are those that Redis sees: the
// prefix of the pool has no meaning here, because a key of the library beside a
// record does not begin with it.
func (s *Store) ScanDatabase(ctx context.Context, op string, keys Keys) iter.Seq2[Page, error] {
	whole := *s
	whole.prefix = ""
	return whole.scanAll(ctx, op, &scan{keys: keys})
}

// scanAll returns a scan with the settings of from.
func (s *Store) scanAll(ctx context.Context, op string, from *scan) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		t, err := s.BeginAll(ctx, op)
		if err != nil {
			yield(Page{}, err)
			return
		}
		if s.Pace.Measures() {
			s.Pace.Add(s.databaseSize(ctx, t))
		}
		running := *from
		running.Store, running.target, running.seen = s, t, recent.NewSet()
		if s.Client.Mode() == rueidis.ClientModeCluster {
			running.scanCluster(ctx, yield)
			return
		}
		running.scanNode(ctx, s.primary, yield)
	}
}

// DatabaseSize returns the number of keys of the database: those of all
// primaries, as far as they answer.
func (s *Store) DatabaseSize(ctx context.Context, op string) int64 {
	t, err := s.BeginAll(ctx, op)
	if err != nil {
		return 0 // the walk itself reports the error
	}
	return s.databaseSize(ctx, t)
}

func (s *Store) databaseSize(ctx context.Context, t fault.Target) (sum int64) {
	nodes := []rueidis.Client{s.primary}
	if s.Client.Mode() == rueidis.ClientModeCluster {
		nodes = nil
		found, _ := (&scan{Store: s, target: t}).primaries(ctx, newCoverage()) // those that do not answer are left out
		for _, p := range found {
			nodes = append(nodes, p.node)
		}
	}
	for _, node := range nodes {
		n, err := node.Do(t.In(ctx), node.B().Dbsize().Build()).ToInt64()
		if err == nil {
			sum += n
		}
	}
	return sum
}

// IDs iterates over the ids of all records of the key space. It ends after the
// first error.
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

// DeleteAll removes all records of the key space and returns how many existed.
// It scans the key space and sends UNLINK for each record. It is not atomic. If
// the options include IfAbsent or IfVersion, it returns [fault.ErrUnsupported].
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

// scan is a Scan in progress.
type scan struct {
	*Store
	target fault.Target
	kind   Kind // empty: the read refuses keys of other types
	keys   Keys
	read   func(key string) rueidis.Completed
	// SCAN returns a key again if the table of the server shrinks during the
	// scan. The buckets that are merged are neighbors in the order of SCAN, so
	// the second time follows the first closely, unless the table shrinks to a
	// tiny part of its size.
	seen     *recent.Set
	includes func(key string) bool // nil: all keys of the node
}

// scanNode scans one node. It reports whether the scan goes on with the next
// node.
func (s *scan) scanNode(ctx context.Context, node rueidis.Client, yield func(Page, error) bool) bool {
	if err := s.Pace.Wait(ctx, pageSize); err != nil {
		yield(Page{}, s.target.Failed(err))
		return false
	}
	entry, err := ReadScan(node.Do(s.target.In(ctx), s.scanCommand(node, 0)))
	for {
		if err != nil {
			yield(Page{}, s.target.Failed(err))
			return false
		}
		s.Pace.Walked(int64(max(pageSize, len(entry.Elements))))
		page := s.newPage(entry.Elements)
		last := entry.Cursor == 0
		entry, err = s.readPage(ctx, node, entry.Cursor, &page)
		if len(page.IDs) > 0 && !yield(page, nil) {
			return false
		}
		if last {
			return true
		}
	}
}

// readPage reads the keys of a page and returns the result of the next SCAN, if
// cursor is not 0. Outside a cluster it sends both in one round trip.
func (s *scan) readPage(ctx context.Context, node rueidis.Client, cursor uint64, page *Page) (next rueidis.ScanEntry, err error) {
	if cursor != 0 {
		if err := s.Pace.Wait(ctx, pageSize); err != nil {
			return next, err
		}
	}
	var cmds rueidis.Commands
	if s.read != nil {
		for _, t := range page.Targets {
			cmds = append(cmds, s.read(t.Key))
		}
	}
	if cursor == 0 || s.Client.Mode() == rueidis.ClientModeCluster {
		page.setReplies(s.Client.DoMulti(s.target.In(ctx), cmds...), s.kind == "")
		if cursor == 0 {
			return next, nil
		}
		return ReadScan(node.Do(s.target.In(ctx), s.scanCommand(node, cursor)))
	}
	results := node.DoMulti(s.target.In(ctx), append(cmds, s.scanCommand(node, cursor))...)
	page.setReplies(results[:len(cmds)], s.kind == "")
	return ReadScan(results[len(cmds)])
}

func (s *scan) scanCommand(node rueidis.Client, cursor uint64) rueidis.Completed {
	scan := node.B().Scan().Cursor(cursor).Match(s.prefix + s.keys.Glob()).Count(pageSize)
	if s.kind == "" {
		return scan.Build()
	}
	return scan.Type(string(s.kind)).Build()
}

// newPage returns the page of the keys that belong to the set and that the scan
// has not yielded before. The glob may match other keys, and SCAN may return a
// key several times.
func (s *scan) newPage(keys []string) (page Page) {
	for _, key := range keys {
		unprefixed, ok := strings.CutPrefix(key, s.prefix)
		if !ok {
			continue
		}
		id, ok := s.keys.ID(unprefixed)
		if !ok || s.includes != nil && !s.includes(key) || !s.seen.Add(key) {
			continue
		}
		t := s.target
		t.Key = key
		page.IDs = append(page.IDs, id)
		page.Targets = append(page.Targets, t)
	}
	return page
}

// setReplies sets the replies, one for each id. If dropWrongType is set, it
// removes the keys that the server refused because of their type.
func (p *Page) setReplies(replies []rueidis.RedisResult, dropWrongType bool) {
	p.Replies = replies
	if !dropWrongType || !slices.ContainsFunc(replies, wrongType) {
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

// wrongType reports whether the server refused a command because of the type of
// the key.
func wrongType(reply rueidis.RedisResult) bool {
	return errors.Is(fault.Translate(reply.Error()), fault.ErrWrongType)
}
