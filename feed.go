package symphony

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/feed"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Feed is the repository of a tenant's feeds of one name: sequences of entries
// that a client can follow, leave, and take up again where it was, such as the
// tokens of an answer or the progress of a job. A feed is a stream with the key
// `{tenant}:feed:{name}:{id}`. It keeps the last 10,000 entries, unless
// [KeepLast] says otherwise, and lives for 24 hours after its last entry.
//
// Its methods are:
//
//   - add: [Feed.Append], [Feed.End]
//   - read: [Feed.Follow], [Feed.Read], [Feed.Len], [Feed.Exists],
//     [Feed.Ended]
//   - serve: [Feed.ServeEvents]
//   - lifetimes: [Feed.TTL], [Feed.Touch]
//   - remove: [Feed.Delete]
//   - options: [Feed.With]
//
// A reader gets each entry once and in order, and never skips one without
// [ErrGone]. docs/feeds.md specifies the guarantees.
type Feed[T any] struct{ core *feed.Core }

// Cursor is the place of an entry in its feed. A reader passes the cursor of
// the last entry that it has, to get those after it. The empty Cursor stands
// before the first entry that the feed keeps. Cursors are short texts without
// secrets, but not numbers: they cannot be compared.
type Cursor string

// Entry is an entry of a feed.
type Entry[T any] struct {
	Cursor Cursor
	At     time.Time // of the server, when the entry was appended; it never decreases
	Value  T
}

// MaxAppend is the greatest number of values of one [Feed.Append].
const MaxAppend = feed.MaxAppend

// NewFeed returns the repository of a tenant's feeds with a name, on
// [pool.PubSub]. It sends nothing.
//
// If the tenant or the name cannot be part of a key, NewFeed returns
// [ErrInvalidKey]. If the codec cannot encode T, it returns
// [ErrInvalidSchema]. For [Cached], [ReadReplicas], and options of other
// repositories, it returns [ErrUnsupported].
func NewFeed[T any](pools *pool.Pools, tenant, name string, opts ...Option) (*Feed[T], error) {
	space, rest, err := bind(pools, func(l keyspace.Layout) keyspace.Pattern { return l.Feed }, opts, tenant, name)
	if err != nil {
		return nil, err
	}
	core, err := feed.New(reflect.TypeFor[T](), pools, pool.PubSub, space, rest...)
	if err != nil {
		return nil, err
	}
	return &Feed[T]{core}, nil
}

// With returns a view with more options. The original does not change. If an
// option is invalid or does not apply, every method of the view returns the
// error that [NewFeed] would return, before anything is sent.
func (f *Feed[T]) With(opts ...Option) *Feed[T] {
	if f == nil || f.core == nil {
		return f
	}
	return &Feed[T]{f.core.With(opts...)}
}

// Append adds values to a feed, one entry for each, and returns the cursor of
// the last one. If there is no feed, Append begins one. It is atomic: either
// all values are appended, one after the other, or none. It sends one script,
// which also trims the feed, renews its lifetime and wakes its followers.
// Without values, it sends XREVRANGE, and returns the cursor of the last entry,
// or an empty one if there is no feed.
//
// If the feed has ended, Append returns [ErrEnded]. With [IfExists], it returns
// [ErrNotFound] if there is no feed. With [IfAbsent], it returns [ErrExists] if
// there is one. If the key holds another Redis type, it returns [ErrWrongType].
// In these cases nothing is appended. If the error is MaybeApplied, the values
// may have been appended; Append does not repeat them.
//
// The following errors are returned before anything is sent. For more than
// [MaxAppend] values, Append returns [ErrInvalidArgument]. If a value is larger
// than MaxValueBytes of [pool.Config], it returns [ErrTooLarge]. If the codec
// cannot encode a value, it returns a [*codec.EncodeError].
func (f *Feed[T]) Append(ctx context.Context, id string, v ...T) (Cursor, error) {
	if err := f.made(); err != nil {
		return "", err
	}
	last, err := f.core.Append(ctx, id, len(v), func(i int) reflect.Value { return reflect.ValueOf(&v[i]).Elem() })
	return Cursor(last.String()), err
}

// End ends a feed: its followers return after the last entry, and later appends
// return [ErrEnded]. The entries remain until the lifetime ends, which End
// renews. If the feed has ended before, End changes nothing. If there is no
// feed, it makes an empty one that has ended. It sends one script, which is
// atomic.
//
// With [IfExists], End returns [ErrNotFound] if there is no feed. With
// [IfAbsent], it returns [ErrExists] if there is one. If the key holds another
// Redis type, it returns [ErrWrongType].
func (f *Feed[T]) End(ctx context.Context, id string) error {
	if err := f.made(); err != nil {
		return err
	}
	return f.core.End(ctx, id)
}

// Read returns up to n entries after a cursor. It does not wait: if there are
// none, or if there is no feed and the cursor is empty, it returns no entries
// and no error. It sends one XRANGE.
//
// If entries after the cursor were trimmed, or the feed of the cursor expired
// or was deleted, Read returns [ErrGone]. If the cursor is not one of a feed,
// it returns [ErrInvalidCursor] and sends nothing. If n is below 1, it returns
// [ErrInvalidArgument]. If a stored value does not fit T, it is left out, and
// the error joins a [*codec.DecodeError] for each of them.
func (f *Feed[T]) Read(ctx context.Context, id string, after Cursor, n int) ([]Entry[T], error) {
	if err := f.made(); err != nil {
		return nil, err
	}
	t, found, _, err := f.core.Read(ctx, "Read", id, string(after), n)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry[T], 0, len(found))
	var errs []error
	for i := range found {
		entries = append(entries, Entry[T]{})
		if err := f.decode(t, &found[i], &entries[len(entries)-1]); err != nil {
			errs = append(errs, err)
			entries = entries[:len(entries)-1]
		}
	}
	return entries, fault.Join(errs...)
}

// Follow iterates over the entries after a cursor, each once and in order, and
// waits for new ones. The loop ends without an error after the last entry of a
// feed that has ended. If the cursor is empty and there is no feed, Follow
// waits until there is one.
//
// It reads pages with XRANGE. In between it waits for a message of the server,
// on a connection that all followers of the process share. It never relies on a
// message: when a subscription begins, and every 30 seconds, it reads again,
// and without a subscription every second. A slow loop holds up nobody, and
// needs no memory for the entries that it has not read.
//
// If entries after the last cursor were trimmed before the loop read them, or
// if the feed expired or was deleted, Follow yields [ErrGone]. An expired feed
// is noticed within 30 seconds. If the cursor is not one of a feed, it yields
// [ErrInvalidCursor] and sends nothing. If ctx ends, it yields the error of
// ctx; if the pools are closed, [ErrClosed]. These end the loop.
//
// If a stored value does not fit T, Follow yields its entry without the value,
// and a [*codec.DecodeError]. Of any other error, such as that of a broken
// connection, the entry is zero. If the loop goes on after these, so does
// Follow: it reads again, after a pause of up to a second, and skips nothing.
func (f *Feed[T]) Follow(ctx context.Context, id string, after Cursor) iter.Seq2[Entry[T], error] {
	return func(yield func(Entry[T], error) bool) {
		if err := f.made(); err != nil {
			yield(Entry[T]{}, err)
			return
		}
		f.core.Follow(ctx, "Follow", id, string(after), func(t fault.Target, e feed.Entry, err error) bool {
			if err != nil {
				return yield(Entry[T]{}, err)
			}
			var entry Entry[T]
			err = f.decode(t, &e, &entry)
			return yield(entry, err)
		})
	}
}

// decode sets an entry. If the value does not fit T, it sets the rest, and
// returns an error.
func (f *Feed[T]) decode(t fault.Target, e *feed.Entry, into *Entry[T]) error {
	into.Cursor, into.At = Cursor(e.ID), e.At()
	return f.core.DecodeEntry(t, e, reflect.ValueOf(&into.Value).Elem())
}

// Len returns the number of entries that a feed keeps, or 0 if there is none.
// It sends one script, which only reads.
//
// If the key holds another Redis type, Len returns [ErrWrongType].
func (f *Feed[T]) Len(ctx context.Context, id string) (int64, error) {
	if err := f.made(); err != nil {
		return 0, err
	}
	return f.core.Len(ctx, id)
}

// Exists reports whether there is a feed. It sends EXISTS and does not check
// the type of the key.
func (f *Feed[T]) Exists(ctx context.Context, id string) (bool, error) {
	if err := f.made(); err != nil {
		return false, err
	}
	return f.core.Exists(ctx, id)
}

// Ended reports whether a feed has ended. If there is no feed, it has not. It
// sends XREVRANGE.
//
// If the key holds another Redis type, Ended returns [ErrWrongType].
func (f *Feed[T]) Ended(ctx context.Context, id string) (bool, error) {
	if err := f.made(); err != nil {
		return false, err
	}
	return f.core.Ended(ctx, id)
}

// TTL returns the remaining lifetime of a feed, in whole milliseconds. If the
// feed has no lifetime, TTL returns [hashrepo.NoExpiry]. It sends PTTL.
//
// If there is no feed, TTL returns [ErrNotFound].
func (f *Feed[T]) TTL(ctx context.Context, id string) (time.Duration, error) {
	if err := f.made(); err != nil {
		return 0, err
	}
	return f.core.TTL(ctx, id)
}

// Touch sets the lifetime of a feed to that of the repository and reports
// whether there is a feed. With [NoTTL], it removes the lifetime; with
// [KeepTTL], it changes nothing. It sends one script, which is atomic.
//
// If the key holds another Redis type, Touch returns [ErrWrongType]. With
// [IfExists], it returns [ErrNotFound] if there is no feed. With [IfAbsent], it
// returns [ErrUnsupported].
func (f *Feed[T]) Touch(ctx context.Context, id string) (bool, error) {
	if err := f.made(); err != nil {
		return false, err
	}
	return f.core.Touch(ctx, id)
}

// Delete removes feeds and returns how many existed. Their followers get
// [ErrGone]. It sends a pipeline of scripts, one for each feed, which remove it
// and wake its followers. Each removal is atomic; all removals together are
// not.
//
// If an id cannot be part of a key, Delete returns [ErrInvalidKey] and sends
// nothing. [IfExists] has no effect. With [IfAbsent], it returns
// [ErrUnsupported].
func (f *Feed[T]) Delete(ctx context.Context, ids ...string) (int64, error) {
	if err := f.made(); err != nil {
		return 0, err
	}
	return f.core.Delete(ctx, ids...)
}

// made returns an error if f is nil or zero.
func (f *Feed[T]) made() error {
	if f == nil || f.core == nil {
		return fmt.Errorf("symphony: %w: the Feed is nil or zero; make one with NewFeed", ErrInvalidArgument)
	}
	return nil
}
