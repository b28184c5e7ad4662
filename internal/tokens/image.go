package tokens

// ImageRule is what an image costs, in tokens: by tiles if Tile is set, by patches if Percent is, else nothing.
type ImageRule struct {
	Base, Tile int // for the image, and for each tile of 512 pixels after scaling it down
	Percent    int // of each patch of 32 pixels
}

// Rules of images.
var (
	tiles4o     = ImageRule{Base: 85, Tile: 170}
	tiles4oMini = ImageRule{Base: 2833, Tile: 5667}
	tiles5      = ImageRule{Base: 70, Tile: 140}
	tilesO      = ImageRule{Base: 75, Tile: 150}
	patchesMini = ImageRule{Percent: 162}
	patchesNano = ImageRule{Percent: 246}
	patchesO4   = ImageRule{Percent: 172}
)

// An image is scaled down to fit into a square of largestSide and then, if it is larger still, to a shorter side of
// shorterSide pixels. No image is more than maxPatches.
const (
	largestSide, shorterSide, tileSide = 2048, 768, 512
	patchSide, maxPatches              = 32, 1536
)

// maxSide bounds what is believed of an image's sides, in pixels, so that nothing overflows.
const maxSide = 1 << 20

// Tokens returns what an image of that many pixels costs; low is detail "low". Sides below 1 count as 1.
func (r ImageRule) Tokens(width, height int, low bool) int {
	width, height = min(max(width, 1), maxSide), min(max(height, 1), maxSide)
	switch {
	case r.Percent > 0:
		patches := min(above(width, patchSide)*above(height, patchSide), maxPatches)
		return above(patches*r.Percent, 100)
	case low || r.Tile == 0:
		return r.Base
	}
	num, den := 1, 1 // the scale
	if long := max(width, height); long > largestSide {
		num, den = largestSide, long
	}
	if short := min(width, height); short*num > shorterSide*den {
		num, den = shorterSide, short
	}
	return r.Base + r.Tile*above(width*num, tileSide*den)*above(height*num, tileSide*den)
}

// above is a/b rounded up.
func above(a, b int) int { return (a + b - 1) / b }
