package store

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
)

// BeginReseal begins a Reseal of the whole space. If values are not sealed, or
// the options include IfAbsent or IfVersion, it returns
// [fault.ErrUnsupported]. If there is no current key, it returns that error.
func (s *Store) BeginReseal(ctx context.Context) (fault.Target, error) {
	t, err := s.BeginAll(ctx, "Reseal")
	if err != nil {
		return t, err
	}
	if s.sealing == nil {
		return t, t.NotApplied(fmt.Errorf("%w: Reseal needs a codec that seals; pass the option Codec with codec.Sealed", fault.ErrUnsupported))
	}
	if err := errors.Join(s.RefuseAbsent(t), s.RefuseVersion(t), s.CheckKeys(t)); err != nil {
		return t, err
	}
	t.Write = true
	return t, nil
}

// Reseal passes each record of pages to reseal, with what was read of it, and
// yields the progress. reseal reports whether it wrote. An error that is about
// a value, a [*codec.DecodeError], does not end Reseal.
func Reseal(pages iter.Seq2[Page, error], t fault.Target, yield func(codec.Resealed, error) bool,
	reseal func(fault.Target, rueidis.RedisResult) (bool, error),
) {
	var done codec.Resealed
	var steps fault.Steps
	for page, err := range pages {
		if err != nil {
			yield(done, steps.Error(t, err))
			return
		}
		for i, target := range page.Targets {
			target.Write = true
			done.Seen++
			written, err := reseal(target, page.Replies[i])
			if written {
				done.Resealed++
				steps.Applied()
			}
			switch aboutValue := errors.As(err, new(*codec.DecodeError)); {
			case err == nil, errors.Is(err, fault.ErrWrongType): // the key was replaced after the scan
			case aboutValue && yield(done, err):
			case aboutValue:
				return
			default:
				yield(done, steps.Error(t, err))
				return
			}
		}
		if !yield(done, nil) {
			return
		}
	}
}
