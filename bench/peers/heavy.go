package peers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/symphony-go/symphony/bench/contest"
)

// heavy returns a contest on profiles of the given size. A long text makes up
// the size.
func (p *Peers) heavy(ctx context.Context, size int, name string) (contest.Contest, error) {
	const records = 64
	c := contest.Contest{Name: name, Baseline: "rueidis"}
	grown := ProfileOf(0)
	grown.Bio = strings.Repeat("x", max(1, size-200))
	for i := range records {
		if err := p.other.upsert(ctx, heavyID(i), grown); err != nil {
			return c, err
		}
	}
	addHeavy(&c, p, p.ours.library(), grown, records)
	addHeavy(&c, p, p.hand.library(), grown, records)
	addHeavy(&c, p, p.goRedis.library(), grown, records)
	addHeavy(&c, p, p.redigo.library(), grown, records)
	return c, nil
}

func heavyID(i int) string { return fmt.Sprintf("heavy%02d", i) }

func addHeavy[T any](c *contest.Contest, p *Peers, l library[T], grown Profile, records int) {
	values := make([]T, records)
	for i := range values {
		values[i] = l.from(heavyID(i), grown)
	}
	call := func(ctx context.Context, at contest.Place) error {
		_, err := l.get(ctx, heavyID(at.Of(records)))
		return err
	}
	if c.Name == Upsert {
		call = func(ctx context.Context, at contest.Place) error {
			i := at.Of(records)
			return l.upsert(ctx, heavyID(i), values[i])
		}
	}
	c.Contestants = append(c.Contestants, contest.Contestant{
		Name: l.name, Turn: contest.Calls(p.target.Contexts, call),
		Check: func(ctx context.Context) error {
			err := call(ctx, contest.Place{Callers: 1})
			v, got := l.get(ctx, heavyID(0))
			if err = errors.Join(err, got); err != nil {
				return err
			}
			return mustEqual(l.profile(v), grown)
		},
	})
}
