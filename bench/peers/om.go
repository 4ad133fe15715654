package peers

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"
	"github.com/redis/rueidis/om"

	"github.com/symphony-go/symphony/bench/wire"
)

// mapper uses package om of rueidis as its README shows it: a repository of
// hashes with optimistic locking, and `exat` for the lifetime.
type mapper struct {
	c    rueidis.Client
	repo om.Repository[omProfile]

	mu   sync.Mutex
	kept map[string]*omProfile // what was saved last, by key: a Save needs its version
}

// omProfile is Profile with the tags and fields that om requires.
type omProfile struct {
	Key     string    `json:"key" redis:",key"`
	Ver     int64     `json:"ver" redis:",ver"`
	ExAt    time.Time `json:"exat" redis:",exat"`
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	City    string    `json:"city"`
	Bio     string    `json:"bio"`
	Plan    string    `json:"plan"`
	Score   int64     `json:"score"`
	Level   int64     `json:"level"`
	Logins  int64     `json:"logins"`
	Active  bool      `json:"active"`
	Admin   bool      `json:"admin"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

func openMapper(t Target, counter *wire.Counter) (*mapper, error) {
	h, err := openHand(t, counter)
	if err != nil {
		return nil, err
	}
	return &mapper{c: h.c, repo: om.NewHashRepository(omPrefix, omProfile{}, h.c), kept: map[string]*omProfile{}}, nil
}

const omPrefix = Mark + ":om"

func (m *mapper) Close() error {
	m.c.Close()
	return nil
}

func (m *mapper) library() library[*omProfile] {
	return library[*omProfile]{
		name: "om",
		how: map[string]string{
			Get: "Repository.Fetch (om's README)", Upsert: "Repository.Save with its version and an exat field",
			Update:  "Fetch, change, Save: om has no write of single fields",
			GetMany: "100 Fetch from 100 goroutines, which rueidis sends together: om has no read of many", CachedGet: "Repository.FetchCache",
		},
		from:    m.from,
		profile: (*omProfile).profile,
		key:     func(id string) string { return omPrefix + ":" + id },
		get:     m.repo.Fetch,
		upsert: func(ctx context.Context, _ string, p *omProfile) error {
			p.ExAt = time.Now().Add(lifetime)
			return m.repo.Save(ctx, p)
		},
		update:  m.update,
		getMany: m.getMany,
		cached:  func(ctx context.Context, id string) (*omProfile, error) { return m.repo.FetchCache(ctx, id, cacheFor) },
	}
}

// from returns the entity of an id, which all writers share, with new values. A
// write with an old version fails, as it should.
func (m *mapper) from(id string, p Profile) *omProfile {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.kept[id]
	if e == nil {
		e = &omProfile{Key: id}
		m.kept[id] = e
	}
	*e = omProfile{
		Key: id, Ver: e.Ver, Name: p.Name, Email: p.Email, City: p.City, Bio: p.Bio, Plan: p.Plan,
		Score: p.Score, Level: p.Level, Logins: p.Logins, Active: p.Active, Admin: p.Admin, Created: p.Created, Updated: p.Updated,
	}
	return e
}

func (e *omProfile) profile() Profile {
	return Profile{
		Name: e.Name, Email: e.Email, City: e.City, Bio: e.Bio, Plan: e.Plan,
		Score: e.Score, Level: e.Level, Logins: e.Logins, Active: e.Active, Admin: e.Admin, Created: e.Created, Updated: e.Updated,
	}
}

func (m *mapper) update(ctx context.Context, id, plan string, by int64) error {
	e, err := m.repo.Fetch(ctx, id)
	if err != nil {
		return err
	}
	e.Plan, e.Score, e.ExAt = plan, e.Score+by, time.Now().Add(lifetime)
	if err := m.repo.Save(ctx, e); err != nil {
		return err
	}
	m.mu.Lock()
	m.kept[id].Ver = e.Ver
	m.mu.Unlock()
	return nil
}

func (m *mapper) getMany(ctx context.Context, ids []string) (list[*omProfile], error) {
	all, errs := make(slice[*omProfile], len(ids)), make([]error, len(ids))
	var done sync.WaitGroup
	for i, id := range ids {
		done.Go(func() { all[i], errs[i] = m.repo.Fetch(ctx, id) })
	}
	done.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
