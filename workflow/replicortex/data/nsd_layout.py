"""Where the Natural Scenes Dataset keeps what, in its bucket; nothing is imported here."""

BETAS = "nsddata_betas/ppdata/subj{:02}/func1pt8mm/betas_fithrf_GLMdenoise_RR"
ROI = "nsddata/ppdata/subj{:02}/func1pt8mm/roi/{}.nii.gz"
DESIGN = "nsddata/experiments/nsd/nsd_expdesign.mat"
STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
# Region -> volume and labels in it.
REGIONS = {
    "V1v": ("prf-visualrois", (1,)),
    "V1d": ("prf-visualrois", (2,)),
    "V2v": ("prf-visualrois", (3,)),
    "V2d": ("prf-visualrois", (4,)),
    "V3v": ("prf-visualrois", (5,)),
    "V3d": ("prf-visualrois", (6,)),
    "V4": ("prf-visualrois", (7,)),
    "early": ("streams", (1,)),
    "midventral": ("streams", (2,)),
    "midlateral": ("streams", (3,)),
    "midparietal": ("streams", (4,)),
    "ventral": ("streams", (5,)),
    "lateral": ("streams", (6,)),
    "parietal": ("streams", (7,)),
}
