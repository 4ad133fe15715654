package peers

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
)

// Records of many fields.
type (
	wide4 struct{ A, B, C, D string }

	wide16 struct {
		A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, AA, AB, AC, AD, AE, AF string
	}

	wide64 struct {
		A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, AA, AB, AC, AD, AE, AF string
		B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, BA, BB, BC, BD, BE, BF string
		C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, CA, CB, CC, CD, CE, CF string
		D0, D1, D2, D3, D4, D5, D6, D7, D8, D9, DA, DB, DC, DD, DE, DF string
	}

	wide256 struct {
		A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, AA, AB, AC, AD, AE, AF string
		B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, BA, BB, BC, BD, BE, BF string
		C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, CA, CB, CC, CD, CE, CF string
		D0, D1, D2, D3, D4, D5, D6, D7, D8, D9, DA, DB, DC, DD, DE, DF string
		E0, E1, E2, E3, E4, E5, E6, E7, E8, E9, EA, EB, EC, ED, EE, EF string
		F0, F1, F2, F3, F4, F5, F6, F7, F8, F9, FA, FB, FC, FD, FE, FF string
		G0, G1, G2, G3, G4, G5, G6, G7, G8, G9, GA, GB, GC, GD, GE, GF string
		H0, H1, H2, H3, H4, H5, H6, H7, H8, H9, HA, HB, HC, HD, HE, HF string
		I0, I1, I2, I3, I4, I5, I6, I7, I8, I9, IA, IB, IC, ID, IE, IF string
		J0, J1, J2, J3, J4, J5, J6, J7, J8, J9, JA, JB, JC, JD, JE, JF string
		K0, K1, K2, K3, K4, K5, K6, K7, K8, K9, KA, KB, KC, KD, KE, KF string
		L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, LA, LB, LC, LD, LE, LF string
		M0, M1, M2, M3, M4, M5, M6, M7, M8, M9, MA, MB, MC, MD, ME, MF string
		N0, N1, N2, N3, N4, N5, N6, N7, N8, N9, NA, NB, NC, ND, NE, NF string
		O0, O1, O2, O3, O4, O5, O6, O7, O8, O9, OA, OB, OC, OD, OE, OF string
		P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, PA, PB, PC, PD, PE, PF string
	}
)

// wide returns a contest on records of many text fields.
func (p *Peers) wide(ctx context.Context, n int, name string) (contest.Contest, error) {
	switch n {
	case 4:
		return wideOf[wide4](ctx, p, n, name)
	case 16:
		return wideOf[wide16](ctx, p, n, name)
	case 64:
		return wideOf[wide64](ctx, p, n, name)
	case 256:
		return wideOf[wide256](ctx, p, n, name)
	}
	return contest.Contest{}, fmt.Errorf("there is no record with %d fields", n)
}

func wideOf[T any](ctx context.Context, p *Peers, n int, name string) (contest.Contest, error) {
	c := contest.Contest{Name: name, Baseline: "rueidis"}
	space, err := keyspace.MustCompile("{tenant}:wide:{id}").Bind(Mark)
	if err != nil {
		return c, err
	}
	repo, err := hashrepo.New[T](p.ours.pools, Alias, space, symphony.TTL(lifetime))
	if err != nil {
		return c, err
	}
	record, names, err := filled[T](n)
	if err != nil {
		return c, err
	}
	key := Mark + ":wide:w"
	if err := repo.Upsert(ctx, "w", record); err != nil {
		return c, err
	}
	read := func(ctx context.Context, _ contest.Place) error { _, err := repo.Get(ctx, "w"); return err }
	hand := func(ctx context.Context, _ contest.Place) error {
		values, err := p.hand.c.Do(ctx, p.hand.c.B().Hmget().Key(key).Field(names...).Build()).AsStrSlice()
		if err == nil && len(values) != n {
			err = fmt.Errorf("got %d values, expected %d", len(values), n)
		}
		return err
	}
	if name == Upsert {
		read = func(ctx context.Context, _ contest.Place) error { return repo.Upsert(ctx, "w", record) }
		hand = func(ctx context.Context, _ contest.Place) error { return p.writeWide(ctx, key, names) }
	}
	once := func(call func(context.Context, contest.Place) error) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := call(ctx, contest.Place{}); err != nil {
				return err
			}
			got, err := repo.Get(ctx, "w")
			if err == nil && any(got) != any(record) {
				err = errors.New("the record differs from the one that was written")
			}
			return err
		}
	}
	c.Contestants = []contest.Contestant{
		{Name: results.Ours, Turn: contest.Calls(p.target.Contexts, read), Check: once(read)},
		{Name: "rueidis", Turn: contest.Calls(p.target.Contexts, hand), Check: once(hand)},
	}
	return c, nil
}

func (p *Peers) writeWide(ctx context.Context, key string, names []string) error {
	c := p.hand.c
	pairs := c.B().Hset().Key(key).FieldValue()
	for _, name := range names {
		pairs = pairs.FieldValue(name, wideText)
	}
	return executed(c.DoMulti(ctx, c.B().Multi().Build(), pairs.Build(), p.hand.expire(key), c.B().Exec().Build()))
}

// wideText is the text of each field of a wide record.
const wideText = "twenty bytes of text"

// filled returns a record with a text in each field, and the names of the
// fields.
func filled[T any](n int) (record T, names []string, err error) {
	v := reflect.ValueOf(&record).Elem()
	for field, value := range v.Fields() {
		value.SetString(wideText)
		names = append(names, field.Name)
	}
	if len(names) != n {
		return record, nil, fmt.Errorf("the record has %d fields, expected %d", len(names), n)
	}
	return record, names, nil
}
