package expiry

import (
	"context"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/internal"
)

// RestoreFiring adds a firing that waits for its next attempt, or a dead letter,
// with the counters of the event. The time is that of the next attempt or of the
// death. A payload is encoded with the codec of the schedule.
// Only package symphony calls it, for Import.
func (s *Schedule) RestoreFiring(ctx context.Context, _ internal.NotForPublicUse, e Event, at time.Time, dead, hasPayload bool) error {
	w, err := s.begin(ctx, "Import", e.Action, e.ID)
	if err != nil {
		return err
	}
	args := []string{
		strconv.FormatInt(e.DueAt.UnixMilli(), 10), strconv.FormatInt(at.UnixMilli(), 10),
		strconv.Itoa(e.Attempt), strconv.Itoa(e.Failures), strconv.Itoa(e.ExpiredLeases), cutErrorText(e.LastError), "",
	}
	if dead {
		args[len(args)-1] = "1"
	}
	if hasPayload {
		text, err := encode(s.core.Codec, nil)
		if err != nil {
			return w.NotApplied(err)
		}
		if err := s.core.CheckSize(w.Target, text); err != nil {
			return err
		}
		args = append(args, text)
	}
	keys := []string{w.Key, w.scheduleKey("active"), w.scheduleKey("status"), w.scheduleKey("payloads"), w.scheduleKey("dead")}
	if _, err := runScript(ctx, s.core.Client, s.lua.restore, keys, args); err != nil {
		return sentError(w.Target, err)
	}
	return nil
}
