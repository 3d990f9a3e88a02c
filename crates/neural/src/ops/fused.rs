//! Operations written on slices of 32-bit floats, each with its own backward, as nodes of burn's graph.
//!
//! burn composes a layer from many small tensor operations, each with an allocation, a node of the graph and a pass over
//! memory; one of ours is a single node that reads and writes once. They run where the tensors are on the processor
//! (burn's `Flex`); on another device the same layer is composed from burn's own operations.

use std::fmt::Debug;

use burn::backend::TensorMetadata;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, BackendTensor, DispatchAutodiffContext, DispatchKindConversion, DispatchTensor, Flex,
};
use burn::tensor::{DType, TensorData};

use super::node;

type Plain = FloatTensor<Flex>;
type Tracked = FloatTensor<Autodiff<Flex>>;

/// Numbers with a shape, row-major and without gaps; a clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct Array(Plain);

impl Array {
    /// `values` in the shape `shape`, whose product is their number.
    pub(crate) fn new<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Self {
        Array(Plain::from_data(TensorData::new(values, shape)))
    }

    /// `values` in this one's shape.
    pub(crate) fn shaped_as(&self, values: Vec<f32>) -> Self {
        Array(Plain::from_data(TensorData::new(values, self.0.layout().shape().clone())))
    }

    fn of(tensor: Plain) -> Self {
        if tensor.is_contiguous() { Array(tensor) } else { Array(tensor.to_contiguous()) }
    }

    /// The numbers; the last dimension runs fastest.
    pub(crate) fn values(&self) -> &[f32] {
        // `of` and `new` see to it that there is such a slice.
        self.0.as_slice().unwrap_or_default()
    }

    /// The sizes of the dimensions.
    pub(crate) fn shape(&self) -> &[usize] {
        self.0.layout().shape().as_slice()
    }

    /// The sizes of the dimensions, where their number is known; missing ones are 1.
    pub(crate) fn dims<const D: usize>(&self) -> [usize; D] {
        let mut dims = [1; D];
        for (d, size) in dims.iter_mut().zip(self.shape()) {
            *d = *size;
        }
        dims
    }
}

/// An operation of `N` inputs, with its gradients.
pub(crate) trait Op<const N: usize>: Debug + Send + 'static {
    /// What the forward pass keeps for the backward pass, beside the inputs.
    type Kept: Clone + Debug + Send + 'static;

    /// The answer to `inputs`, and what the backward pass needs; without `keep` there is none, and nothing need be kept.
    fn forward(&self, inputs: &[Array; N], keep: bool) -> (Array, Self::Kept);

    /// From the loss's gradient by the answer, that by each input that is `wanted`, in the input's shape.
    fn backward(
        &self,
        inputs: &[Array; N],
        kept: &Self::Kept,
        gradient: &Array,
        wanted: [bool; N],
    ) -> [Option<Array>; N];
}

/// Runs `op` where every input lies in the processor's memory in 32 bits; `None` where one does not, and the caller composes the
/// operation from burn's own.
pub(crate) fn apply<O: Op<N>, const N: usize>(op: O, inputs: [DispatchTensor; N]) -> Option<DispatchTensor> {
    if inputs.iter().all(|input| input.autodiff == DispatchAutodiffContext::Disabled) {
        let (answer, _) = op.forward(&all(inputs, plain)?.map(Array::of), false);
        return Some(<DispatchTensor as DispatchKindConversion<Flex>>::from_backend(BackendTensor::Float(
            answer.0,
        )));
    }
    let inputs = all(inputs, tracked)?;
    let keep = inputs.iter().any(Tracked::is_tracked);
    let guards = inputs.each_ref().map(Tracked::node);
    let arrays = inputs.map(|input| Array::of(input.into_primitive()));
    let (answer, kept) = op.forward(&arrays, keep);
    let answer = match Step(op).prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((arrays, kept), answer.0),
        OpsKind::UnTracked(prep) => prep.finish(answer.0),
    };
    Some(<DispatchTensor as DispatchKindConversion<Autodiff<Flex>>>::from_backend(BackendTensor::Float(
        answer,
    )))
}

/// Every input as `take` sees it, if it sees each.
fn all<T, const N: usize>(
    inputs: [DispatchTensor; N],
    take: impl Fn(DispatchTensor) -> Option<T>,
) -> Option<[T; N]> {
    inputs.into_iter().map(take).collect::<Option<Vec<T>>>()?.try_into().ok()
}

fn plain(input: DispatchTensor) -> Option<Plain> {
    node::taken::<Flex>(input).filter(|tensor| tensor.dtype() == DType::F32)
}

fn tracked(input: DispatchTensor) -> Option<Tracked> {
    node::tracked::<Flex>(input).filter(|tensor| tensor.dtype() == DType::F32)
}

/// The backward step of an operation, in burn's graph.
#[derive(Debug)]
struct Step<O>(O);

impl<O: Op<N>, const N: usize> Backward<Flex, N> for Step<O> {
    type State = ([Array; N], O::Kept);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Array::of(grads.consume::<Flex>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let (inputs, kept) = ops.state;
        let found = self.0.backward(&inputs, &kept, &gradient, wanted);
        for (parent, gradient) in ops.parents.iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient.0);
            }
        }
    }
}
