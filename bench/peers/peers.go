// Package peers holds the contestants: this library and others, each used as
// its own documentation recommends.
package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/bench/wire"
)

// The contests.
const (
	Get       = "Get"
	Upsert    = "Upsert"
	Update    = "Update"
	GetMany   = "GetMany(100)"
	Find      = "Find"
	KVGet     = "KV Get"
	KVSet     = "KV Set"
	CachedGet = results.CachedGet
	Enqueue   = "Enqueue"
	Process   = "Process"
	Schedule  = "Schedule"
	Claim     = "Claim"
	Append    = "Append"
	Read      = "Read(100)"
)

// Contests are the names of all contests, in order.
var Contests = []string{Get, Upsert, Update, GetMany, Find, KVGet, KVSet, CachedGet, Enqueue, Process, Schedule, Claim, Append, Read}

// Target is the database of the contests.
type Target struct {
	URL      string // of one server, with the database
	Records  int    // that the contests work on
	Callers  int    // at most
	Contexts contest.Contexts
	Work     int // pieces of work in a turn of Process and Claim, at least
}

// Peers are all contestants, connected.
type Peers struct {
	target  Target
	ours    *ours
	hand    *hand
	other   *hand // a client that takes part in nothing: it looks, and writes beside the contestants
	mapper  *mapper
	goRedis *goRedis
	redigo  *redigo
	local   *local
	tasks   *tasks
	feeder  *ours // sets up what ours then does, uncounted
	closers []io.Closer
	written int // records
	foreign int // keys around the records
	caches  *caches

	feedCursor symphony.Cursor // of Read
	streamID   string          // the same entry of the handwritten stream

	Memory []results.Memory // what the entries of the caches took

	counters map[string]*wire.Counter // by contestant; nil: they do not count
}

// Open connects all contestants. Clients that count traffic take more time, so
// the clients that are measured do not count.
func Open(ctx context.Context, t Target, counting bool) (*Peers, error) {
	p := &Peers{target: t}
	if counting {
		p.counters = map[string]*wire.Counter{}
	}
	if err := p.connect(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Peers) connect(ctx context.Context) (err error) {
	if p.ours, err = openOurs(ctx, p.target, p.counter("symphony")); err != nil {
		return err
	}
	p.closers = append(p.closers, p.ours)
	if p.hand, err = openHand(p.target, p.counter("rueidis")); err != nil {
		return err
	}
	p.closers = append(p.closers, p.hand)
	if p.other, err = openHand(p.target, nil); err != nil {
		return err
	}
	p.closers = append(p.closers, p.other)
	if p.mapper, err = openMapper(p.target, p.counter("om")); err != nil {
		return err
	}
	p.closers = append(p.closers, p.mapper)
	if p.goRedis, err = openGoRedis(p.target, p.counter("go-redis")); err != nil {
		return err
	}
	p.closers = append(p.closers, p.goRedis)
	p.redigo = openRedigo(p.target, p.counter("redigo"))
	p.closers = append(p.closers, p.redigo)
	if p.tasks, err = openTasks(p.target, p.other.c, p.counter("asynq")); err != nil {
		return err
	}
	p.closers = append(p.closers, p.tasks)
	if p.feeder, err = openOurs(ctx, p.target, nil); err != nil {
		return err
	}
	p.closers = append(p.closers, p.feeder)
	if p.tasks.feeder, err = openTasks(p.target, p.other.c, nil); err != nil {
		return err
	}
	p.closers = append(p.closers, p.tasks.feeder)
	p.local, err = newLocal(p.hand, p.target.Records)
	return err
}

func (p *Peers) counter(name string) *wire.Counter {
	if p.counters == nil {
		return nil
	}
	p.counters[name] = &wire.Counter{}
	return p.counters[name]
}

// Counter returns the counter of a contestant.
func (p *Peers) Counter(contestant string) *wire.Counter {
	switch contestant {
	case "go-redis auto", "go-redis cache":
		contestant = "go-redis"
	case "otter":
		contestant = "rueidis"
	}
	return p.counters[contestant]
}

// Close closes all connections.
func (p *Peers) Close() error {
	p.closeCaches()
	var all []error
	for _, c := range slices.Backward(p.closers) {
		all = append(all, c.Close())
	}
	return errors.Join(all...)
}

// Contest returns a contest by its name.
func (p *Peers) Contest(name string) (contest.Contest, error) {
	switch name {
	case Enqueue:
		return p.enqueuing(), nil
	case Process:
		return p.processing(), nil
	case Schedule:
		return p.scheduling(), nil
	case Claim:
		return p.claiming(), nil
	case Append:
		return p.appending(), nil
	case Read:
		return p.reading(), nil
	}
	if !slices.Contains(Contests, name) {
		return contest.Contest{}, fmt.Errorf("%q is not one of the contests %q", name, Contests)
	}
	c := contest.Contest{Name: name, Baseline: "rueidis", Missing: missing[name]}
	p.enterAll(&c)
	if name == CachedGet {
		c.Warm = 2 * p.target.Records
	}
	if name == CachedGet && p.goRedis.near == nil {
		c.Missing = maps.Clone(c.Missing)
		c.Missing["go-redis cache"] = "its client-side cache works in database 0 alone"
	}
	return c, nil
}

// missing returns why a contestant does not take part in a contest.
var missing = map[string]map[string]string{
	Find:      {"om": "its Search needs the search module of Redis"},
	KVGet:     {"om": "its JSON repository needs the JSON module of Redis"},
	KVSet:     {"om": "its JSON repository needs the JSON module of Redis"},
	CachedGet: {"redigo": "it has no client-side cache"},
}

func (p *Peers) enterAll(c *contest.Contest) {
	t, look := p.target, p.other.c
	add(c, p.ours.library(), t, look)
	add(c, p.ours.cached(), t, look)
	add(c, p.hand.library(), t, look)
	add(c, p.mapper.library(), t, look)
	add(c, p.goRedis.library(), t, look)
	add(c, p.goRedis.piped(), t, look)
	add(c, p.goRedis.cached(), t, look)
	add(c, p.redigo.library(), t, look)
	add(c, p.redigo.values(), t, look)
	add(c, p.local.library(), t, look)
}

func add[T any](c *contest.Contest, l library[T], t Target, look rueidis.Client) {
	if entrant, ok := enter(l, c.Name, t, look); ok {
		c.Contestants = append(c.Contestants, entrant)
	}
}
