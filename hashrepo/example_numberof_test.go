package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Station struct {
	Celsius float64 `redis:"celsius"`
}

var stationCelsius = hashrepo.NumberOf(func(s *Station) *float64 { return &s.Celsius })

// NumberOf returns the handle of a number. It has the methods of a Field, and
// Add and Increment.
func ExampleNumberOf() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:station:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	stations, err := hashrepo.New[Station](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	if err := stations.Update(ctx, "s1", stationCelsius.Set(20.5)); err != nil {
		log.Fatal(err)
	}
	station, err := stations.Merge(ctx, "s1", stationCelsius.Add(-1.5))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stationCelsius.Name(), station.Celsius)
	// Output: celsius 19
}
