package hashrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Sensor struct {
	Seen time.Time `redis:"seen,index"`
}

var sensorSeen = hashrepo.FieldOf(func(s *Sensor) *time.Time { return &s.Seen })

// AtMost is a condition of Find: the field has the value or a lesser one.
func ExampleField_AtMost() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:sensor:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	sensors, err := hashrepo.New[Sensor](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range sensors.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := sensors.UpsertMany(ctx,
		hashrepo.Record[Sensor]{ID: "old", Value: Sensor{Seen: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)}},
		hashrepo.Record[Sensor]{ID: "new", Value: Sensor{Seen: time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC)}},
	); err != nil {
		log.Fatal(err)
	}

	for sensor, err := range sensors.Find(ctx, sensorSeen.AtMost(time.Date(2024, 12, 31, 0, 0, 0, 0, time.UTC))) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(sensor.ID)
	}
	// Output:
	// old
}
