package peers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/expiry"
)

const (
	later = Mark + "-later"
	now   = Mark + "-now"
)

// scheduling schedules work that is due in an hour.
func (p *Peers) scheduling() contest.Contest {
	var serial atomic.Int64
	next := func() string { return strconv.FormatInt(serial.Add(1), 10) }
	set := func(ctx context.Context, _ contest.Place) error {
		return p.ours.triggers.Set(ctx, later, next(), time.Hour)
	}
	byHand := func(ctx context.Context, _ contest.Place) error { return p.schedule(ctx, next()) }
	goRedis := func(ctx context.Context, _ contest.Place) error {
		id, at := next(), time.Now().Add(time.Hour)
		_, err := p.goRedis.plain.TxPipelined(ctx, func(tx goredis.Pipeliner) error {
			tx.Set(ctx, Mark+":timer:"+id, at.UnixMilli(), 2*time.Hour)
			tx.ZAdd(ctx, dueKey, goredis.Z{Score: float64(at.UnixMilli()), Member: id})
			return nil
		})
		return err
	}
	return contest.Contest{Name: Schedule, Baseline: "rueidis", Contestants: []contest.Contestant{
		{
			Name: results.Ours, How: "Trigger.Set an hour ahead",
			Turn: contest.Calls(p.target.Contexts, set),
			Check: func(ctx context.Context) error {
				return errors.Join(set(ctx, contest.Place{}), p.scheduled(ctx, "%exp:due:"+later))
			},
		},
		{
			Name: "rueidis", How: "DoMulti of MULTI, SET PX, ZADD, EXEC: no wake-up, nothing that a worker could claim safely",
			Turn: contest.Calls(p.target.Contexts, byHand),
			Check: func(ctx context.Context) error {
				return errors.Join(byHand(ctx, contest.Place{}), p.scheduled(ctx, dueKey))
			},
		},
		{
			Name: "go-redis", How: "TxPipelined of Set and ZAdd: as little as the code by hand",
			Turn: contest.Calls(p.target.Contexts, goRedis),
			Check: func(ctx context.Context) error {
				return errors.Join(p.delete(ctx, dueKey), goRedis(ctx, contest.Place{}), p.scheduled(ctx, dueKey))
			},
		},
		p.tasks.scheduling(),
	}}
}

const dueKey = Mark + ":due"

func (p *Peers) schedule(ctx context.Context, id string) error {
	c, at := p.hand.c, time.Now().Add(time.Hour)
	return executed(c.DoMulti(ctx, c.B().Multi().Build(),
		c.B().Set().Key(Mark+":timer:"+id).Value(strconv.FormatInt(at.UnixMilli(), 10)).Px(2*time.Hour).Build(),
		c.B().Zadd().Key(dueKey).ScoreMember().ScoreMember(float64(at.UnixMilli()), id).Build(),
		c.B().Exec().Build()))
}

// scheduled returns an error if the last entry of a schedule is not due in an
// hour.
func (p *Peers) scheduled(ctx context.Context, key string) error {
	entries, err := p.other.c.Do(ctx, p.other.c.B().Zrange().Key(key).Min("-1").Max("-1").Withscores().Build()).AsZScores()
	if err != nil {
		return err
	}
	if len(entries) != 1 {
		return fmt.Errorf("%s is empty", key)
	}
	if ahead := time.Until(time.UnixMilli(int64(entries[0].Score))); ahead < 58*time.Minute || ahead > 62*time.Minute {
		return fmt.Errorf("the entry is due in %v, expected an hour", ahead)
	}
	return nil
}

// claiming claims, handles and acknowledges work that is due. The time is that
// from the first handler to the last acknowledgement.
func (p *Peers) claiming() contest.Contest {
	ours := contest.Contestant{
		Name: results.Ours, How: "a Listener of package expiry, with a handler for each caller; claims up to 100 at once",
		Turn: p.claim,
		Prepare: func(ctx context.Context, n int) error {
			return Spread(n, func(i int) error { return p.feeder.triggers.Set(ctx, now, strconv.Itoa(i), time.Millisecond) })
		},
	}
	ours.Check = func(ctx context.Context) error { return errors.Join(p.unschedule(ctx), ours.Try(ctx, 4, 50)) }
	return contest.Contest{Name: Claim, Baseline: "asynq", Least: p.target.Work, Contestants: []contest.Contestant{ours, p.tasks.claiming()}}
}

// unschedule removes the triggers that the contest Schedule has left. A
// listener goes over all keys of the database when it starts, and a turn of few
// callers is shorter than that.
func (p *Peers) unschedule(ctx context.Context) error {
	c := p.other.c
	for cursor := uint64(0); ; {
		page, err := c.Do(ctx, c.B().Scan().Cursor(cursor).Match("*"+later+"*").Count(1000).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		if len(page.Elements) > 0 {
			if err := c.Do(ctx, c.B().Unlink().Key(page.Elements...).Build()).Error(); err != nil {
				return err
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// claim runs a Listener until it has handled n pieces of work. It starts its
// own goroutines, as many as the crew has.
func (p *Peers) claim(ctx context.Context, crew *contest.Crew, n int) (time.Duration, error) {
	var clock stopwatch
	r := expiry.NewRegistry()
	if err := r.On(now, func(_ context.Context, e expiry.Event) error {
		clock.handled(e.ID)
		return nil
	}); err != nil {
		return 0, err
	}
	l, err := expiry.NewListener(p.ours.pools, r, expiry.Config{Pool: Alias, Workers: crew.Size(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	over := make(chan error, 1)
	go func() { over <- l.Run(ctx) }()
	err = clock.await(ctx, n, func() bool { return l.Stats().Succeeded >= int64(n) })
	stop()
	return clock.took(), errors.Join(err, <-over)
}

// stopwatch measures from the first piece of work to the last one.
type stopwatch struct {
	mu    sync.Mutex
	first time.Time
	last  time.Time
	ids   map[string]bool
}

func (s *stopwatch) handled(id string) {
	at := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.first, s.ids = at, map[string]bool{}
	}
	s.ids[id] = true
}

func (s *stopwatch) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ids)
}

func (s *stopwatch) took() time.Duration { return s.last.Sub(s.first) }

// await waits until n different pieces were handled, and until done reports
// that they are acknowledged.
func (s *stopwatch) await(ctx context.Context, n int, done func() bool) error {
	for end := time.Now().Add(time.Minute); ctx.Err() == nil; time.Sleep(100 * time.Microsecond) {
		if done() {
			if s.last = time.Now(); s.count() < n {
				return fmt.Errorf("%[2]d of %[1]d pieces of work were handled", n, s.count())
			}
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("after a minute, only %d of %d pieces of work were handled", s.count(), n)
		}
	}
	return ctx.Err()
}
