package codec_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/codec"
)

type Spot struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Decode reads a Value into a variable of any type.
func ExampleValue_Decode() {
	stored := codec.NewValue(codec.JSON, []byte(`{"lat": 4.7, "lon": -74.1}`))

	var spot Spot
	if err := stored.Decode(&spot); err != nil {
		log.Fatal(err)
	}
	fmt.Println(spot.Lat, spot.Lon)
	// Output: 4.7 -74.1
}
